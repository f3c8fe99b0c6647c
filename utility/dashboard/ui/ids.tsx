/** Names of meters, feeders and aggregators: they have a hyphen, at which a narrow column must not break them. */
import { Fragment, type ReactNode } from "react";

export function Id({ children }: { readonly children: ReactNode }): ReactNode {
  return <span className="nowrap">{children}</span>;
}

/** `f-1, f-2, f-3`, broken between them only. */
export function Ids({ of }: { readonly of: readonly string[] }): ReactNode {
  return of.map((id, i) => (
    <Fragment key={id}>
      {i > 0 && ", "}
      <Id>{id}</Id>
    </Fragment>
  ));
}
