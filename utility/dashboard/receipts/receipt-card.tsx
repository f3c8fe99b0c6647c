/** Checks a bill's receipt here, in this browser, and lets one hold it against a key from elsewhere, or forge it to see. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { policy as policyQuery, receipt as receiptQuery } from "../api/queries.ts";
import { count, money, moment } from "../format.ts";
import { Badge, Button, Card, Empty, Notice } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";
import { Icon } from "../ui/icon.tsx";
import type { Verified } from "./verify.ts";
import { forged } from "./forge.ts";

export function ReceiptCard({ meter, start }: { readonly meter: string; readonly start: string }): ReactNode {
  const receipt = useQuery(receiptQuery(meter, start));
  const policy = useQuery(policyQuery);
  return (
    <Card
      title="Receipt"
      note="One file that proves, offline and for good, that this very bill is in the public log and follows from the tariff it names."
    >
      <QueryView
        query={receipt}
        missing={({ code, message }) =>
          code === "waiting" || code === "gone" || code === "not-found" ? (
            <Empty title="There is no receipt yet">{message}</Empty>
          ) : undefined
        }
      >
        {(text) => <Check text={text} policyText={policy.data ?? ""} address={`/bills/${meter}/${start}/receipt`} />}
      </QueryView>
    </Card>
  );
}

interface CheckProps {
  readonly text: string;
  readonly policyText: string;
  readonly address: string;
}

type Outcome = { readonly verified: Verified; readonly forged: boolean };

function Check({ text, policyText, address }: CheckProps): ReactNode {
  const [own, setOwn] = useState("");
  const [outcome, setOutcome] = useState<Outcome>();
  const [busy, setBusy] = useState(false);
  const hint = useId();

  const check = (receipt: string, isForged: boolean): void => {
    setBusy(true);
    void import("./verify.ts").then(({ verifyReceiptText }) => {
      setOutcome({ verified: verifyReceiptText(receipt, own.trim() === "" ? policyText : own), forged: isForged });
      setBusy(false);
    });
  };

  return (
    <>
      <div className="actions">
        <Button kind="primary" disabled={busy || policyText === ""} onClick={() => check(text, false)}>
          <Icon name="check" />
          Verify in this browser
        </Button>
        <a className="button" href={address} download>
          <Icon name="down" />
          Save
        </a>
        <Button kind="plain" disabled={busy || policyText === ""} onClick={() => check(forged(text), true)}>
          Try a forged one
        </Button>
      </div>
      <div aria-live="polite" style={{ marginTop: 14 }}>
        {outcome !== undefined && <Result outcome={outcome} />}
      </div>
      <details style={{ marginTop: 12 }}>
        <summary>Against a key of your own</summary>
        <p className="muted small" id={hint} style={{ margin: "8px 0" }}>
          The key comes from the same server as the receipt, so a server that lies could lie about both. Paste the log's
          policy as the utility publishes it elsewhere (<code>npm run ledger -- key</code>).
        </p>
        <label className="field">
          <span>Policy of the log</span>
          <textarea
            value={own}
            onChange={(event) => setOwn(event.target.value)}
            placeholder={policyText}
            spellCheck={false}
            aria-describedby={hint}
          />
        </label>
      </details>
    </>
  );
}

function Result({ outcome: { verified, forged: isForged } }: { readonly outcome: Outcome }): ReactNode {
  const zone = useZone();
  const { holds, findings, bill, index, size, loggedAt, origin, witnesses, milliseconds } = verified;
  if (!holds) {
    return (
      <Notice tone={isForged ? "good" : "bad"}>
        <p>
          <strong>{isForged ? "The forged receipt is refused." : "This receipt proves nothing."}</strong>
        </p>
        {findings.map((finding) => (
          <p key={finding}>{finding}</p>
        ))}
        {isForged && <p>One digit of the amount was changed before it was checked.</p>}
      </Notice>
    );
  }
  return (
    <>
      <p style={{ marginBottom: 10 }}>
        <Badge tone="good">The receipt holds</Badge>
      </p>
      <dl className="facts">
        <dt>Bill</dt>
        <dd>
          {bill?.meter},{" "}
          {bill === undefined || bill.amountMicro === null ? "–" : money(bill.amountMicro, bill.currency)}
        </dd>
        <dt>In the log</dt>
        <dd>
          entry {count(index ?? 0)} of {count(size ?? 0)}
        </dd>
        <dt>Entered</dt>
        <dd>{loggedAt === undefined ? "–" : moment(loggedAt, zone)}</dd>
        <dt>Log</dt>
        <dd>{origin}</dd>
        <dt>Witnesses</dt>
        <dd>{witnesses === 0 ? "none: this log asks for none" : `${witnesses} have seen it`}</dd>
        <dt>Checked in</dt>
        <dd>{Math.max(1, Math.round(milliseconds))} ms, here</dd>
      </dl>
    </>
  );
}
