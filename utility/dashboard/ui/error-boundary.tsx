/** Keeps the frame when a page fails, and says what happened. */
import { Component, type ReactNode } from "react";
import { Button, Notice, Page } from "./parts.tsx";

interface State {
  readonly error: Error | undefined;
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override readonly state: State = { error: undefined };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Page title="This page failed">
        <Notice tone="bad">
          <p>{error.message}</p>
          <p>
            <Button onClick={() => location.reload()}>Load it again</Button>
          </p>
        </Notice>
      </Page>
    );
  }
}
