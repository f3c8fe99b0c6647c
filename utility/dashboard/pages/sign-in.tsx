/** Signing in. */
import { type SubmitEvent, type ReactNode, useEffect, useState } from "react";
import { answered, ApiError, client } from "../api/client.ts";
import type { Me } from "../api/session.tsx";
import { Command } from "../ui/command.tsx";
import { Logo } from "../ui/icon.tsx";
import { Button, Notice } from "../ui/parts.tsx";

export function SignIn({ onSignedIn }: { readonly onSignedIn: (me: Me) => void }): ReactNode {
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    document.title = "Sign in · Wattveil";
  }, []);

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    setBusy(true);
    setFault(undefined);
    answered(client.POST("/session", { body: { name: field("name"), password: field("password") } }))
      .then(onSignedIn)
      .catch((error: unknown) => {
        setBusy(false);
        setFault(error instanceof ApiError ? error.message : "Signing in failed.");
      });
  };

  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <div className="brand">
          <Logo />
          Wattveil
        </div>
        <h1>Sign in</h1>
        <p className="muted small">Electricity meters whose readings nobody can read.</p>
        <div className="form">
          <label className="field">
            <span>Name</span>
            <input name="name" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
          </label>
          <label className="field">
            <span>Password</span>
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
          <Button type="submit" kind="primary" disabled={busy}>
            Sign in
          </Button>
          <p className="muted small">
            No account yet? <Command>npm run accounts -- add NAME --role operator</Command> on the server makes one.
          </p>
        </div>
      </form>
    </main>
  );
}
