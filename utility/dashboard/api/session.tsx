/** Who is signed in, for all pages. The session is a cookie that scripts cannot read. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { answered, ApiError, client, type Role, type Schemas, whenSignedOut } from "./client.ts";

export type Me = Schemas["Me"];

interface Session {
  readonly me: Me;
  readonly signOut: () => Promise<void>;
}

type State = "asking" | "nobody" | Me;

/** That somebody was signed in, and nothing of who: whoever was not need not ask the server. */
const WAS_HERE = "wattveil-was-here";

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("useSession outside of a session");
  return session;
}

export function useRole(): Role {
  return useSession().me.role;
}

export interface SessionGateProps {
  readonly children: ReactNode;
  /** What is shown to nobody; `signedIn` ends that. */
  readonly entrance: (signedIn: (me: Me) => void) => ReactNode;
  readonly waiting: ReactNode;
}

export function SessionGate({ children, entrance, waiting }: SessionGateProps): ReactNode {
  const [state, setState] = useState<State>("asking");
  const queries = useQueryClient();

  useEffect(() => {
    whenSignedOut(() => {
      queries.clear();
      localStorage.removeItem(WAS_HERE);
      setState("nobody");
    });
    if (localStorage.getItem(WAS_HERE) === null) {
      setState("nobody");
      return;
    }
    answered(client.GET("/session")).then(setState, (error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      setState("nobody");
    });
  }, [queries]);

  const signOut = useCallback(async () => {
    await client.DELETE("/session");
    localStorage.removeItem(WAS_HERE);
    queries.clear();
    setState("nobody");
  }, [queries]);

  const session = useMemo(() => (typeof state === "string" ? undefined : { me: state, signOut }), [state, signOut]);
  if (session !== undefined) return <SessionContext value={session}>{children}</SessionContext>;
  const signedIn = (me: Me): void => {
    localStorage.setItem(WAS_HERE, "1");
    setState(me);
  };
  return state === "asking" ? waiting : entrance(signedIn);
}
