/** What an operator does with alerts, one or all of a group: to acknowledge, to silence for a time, with a comment for the others. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { answered, ApiError, client, type Item } from "../api/client.ts";
import { useRole } from "../api/session.tsx";
import { Button } from "../ui/parts.tsx";

type Acted = Pick<Item<"listAlerts">, "id" | "state" | "text">;

const SILENCES: readonly (readonly [seconds: number, words: string])[] = [
  [3_600, "1 hour"],
  [14_400, "4 hours"],
  [86_400, "1 day"],
  [604_800, "7 days"],
  [2_592_000, "30 days"],
];

interface Act {
  readonly what: "acknowledge" | "silence" | "unsilence";
  readonly seconds: number;
  readonly comment: string;
}

async function act(id: string, { what, seconds, comment }: Act): Promise<unknown> {
  const params = { path: { id } };
  if (what === "acknowledge") return answered(client.POST("/alerts/{id}/acknowledge", { params, body: { comment } }));
  if (what === "unsilence") return answered(client.DELETE("/alerts/{id}/silence", { params }));
  return answered(client.POST("/alerts/{id}/silence", { params, body: { seconds, comment } }));
}

export interface AlertActionsProps {
  /** In one and the same state. */
  readonly alerts: readonly [Acted, ...Acted[]];
  /** Shows all there is to choose at once. */
  readonly open?: boolean;
}

export function AlertActions({ alerts, open = false }: AlertActionsProps): ReactNode {
  const role = useRole();
  const queries = useQueryClient();
  const id = useId();
  const [comment, setComment] = useState("");
  const [seconds, setSeconds] = useState(3_600);
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (doing: Act): Promise<void> => {
      for (const one of alerts) await act(one.id, doing);
    },
    // Also where it failed half way: what was done is done.
    onSettled: async () => queries.invalidateQueries({ queryKey: ["alerts"] }),
    onSuccess: () => setComment(""),
  });
  const [{ state, text }] = alerts;
  if (state === "resolved" || state === "pending") return null;
  if (role === "auditor") return <span className="muted small">looks only</span>;
  const of = alerts.length === 1 ? text : `${text} and ${alerts.length - 1} more`;
  const button = (what: Act["what"], word: string, primary = false): ReactNode => (
    <Button
      size="small"
      kind={primary ? "primary" : "normal"}
      disabled={isPending}
      label={`${word}: ${of}`}
      onClick={() => mutate({ what, seconds, comment })}
    >
      {alerts.length === 1 ? word : `${word} ${alerts.length}`}
    </Button>
  );
  if (state === "silenced") return <span className="actions">{button("unsilence", "End silence")}</span>;
  return (
    <span className="actions">
      {state === "firing" && !open && button("acknowledge", "Acknowledge")}
      <details className="acting" open={open}>
        <summary className={open ? "hidden-visually" : undefined}>Comment or silence</summary>
        <span className="field">
          <label htmlFor={`${id}-comment`}>Comment, for the history</label>
          <input
            id={`${id}-comment`}
            value={comment}
            maxLength={1_000}
            placeholder="crew is on its way"
            onChange={(event) => setComment(event.target.value)}
          />
        </span>
        <span className="actions">
          {state === "firing" && button("acknowledge", "Acknowledge", open)}
          {button("silence", "Silence")}
          <label className="field inline">
            <span>for</span>
            <select value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
              {SILENCES.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        </span>
      </details>
      {error !== null && <span className="small">{error instanceof ApiError ? error.message : "It failed."}</span>}
    </span>
  );
}
