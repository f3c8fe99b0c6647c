/** A command to be typed: broken between its words, never inside of a flag; what is longer than a phone is wide may break. */
import { Fragment, type ReactNode } from "react";

const LONG = 24;

export function Command({ children }: { readonly children: string }): ReactNode {
  return (
    <code className="command">
      {children.split(" ").map((word, i) => (
        <Fragment key={`${i} ${word}`}>
          {i > 0 && " "}
          <span className={word.length > LONG ? undefined : "nowrap"}>{word}</span>
        </Fragment>
      ))}
    </code>
  );
}
