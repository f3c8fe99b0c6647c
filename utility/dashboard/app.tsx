/** The whole dashboard: sign-in, then the frame and the page of the address. */
import { type ReactNode, Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { SessionGate, useRole } from "./api/session.tsx";
import { LiveProvider } from "./live/live.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { ROUTES } from "./routes.tsx";
import { ErrorBoundary } from "./ui/error-boundary.tsx";
import { Empty, Page } from "./ui/parts.tsx";
import { Shell } from "./ui/shell.tsx";

const BASE = "/app";

export function App(): ReactNode {
  const waiting = (
    <div className="skeleton" role="status">
      Loading…
    </div>
  );
  return (
    <SessionGate waiting={waiting} entrance={(signedIn) => <SignIn onSignedIn={signedIn} />}>
      <LiveProvider>
        <Router base={BASE}>
          <Shell>
            <ErrorBoundary>
              <Suspense fallback={waiting}>
                <Pages />
              </Suspense>
            </ErrorBoundary>
          </Shell>
        </Router>
      </LiveProvider>
    </SessionGate>
  );
}

function Pages(): ReactNode {
  const role = useRole();
  return (
    <Switch>
      {ROUTES.filter(({ roles }) => roles.includes(role)).map(({ path, page: PageComponent }) => (
        <Route key={path} path={path === "/" ? path : `${path}/*?`}>
          <PageComponent />
        </Route>
      ))}
      <Route>
        <Page title="Not found">
          <Empty title="There is no such page for you">It does not exist, or it is for another role.</Empty>
        </Page>
      </Route>
    </Switch>
  );
}
