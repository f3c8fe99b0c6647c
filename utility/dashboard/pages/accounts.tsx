/** Who may sign in, and what was done with accounts. Admins change them; auditors look. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, type ReactNode, useState } from "react";
import { answered, ApiError, client, type Item, type Role } from "../api/client.ts";
import { accounts, audit } from "../api/queries.ts";
import { useSession } from "../api/session.tsx";
import { moment } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Ids } from "../ui/ids.tsx";
import { Badge, Button, Card, Empty, Notice, Page } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

/** A field of a form that is no file. */
function textOf(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}

const ROLES: readonly Role[] = ["customer", "operator", "auditor", "admin"];

export function Accounts(): ReactNode {
  const { me } = useSession();
  return (
    <Page title="Accounts and audit" lead="Accounts of this interface. Nothing else in the system knows people.">
      <div className="grid">
        <List canChange={me.role === "admin"} own={me.name} />
        {me.role === "admin" && <Add />}
        <Audit />
      </div>
    </Page>
  );
}

function List({ canChange, own }: { readonly canChange: boolean; readonly own: string }): ReactNode {
  const query = useQuery(accounts);
  const queries = useQueryClient();
  const [fault, setFault] = useState<string>();
  const change = ({ name, disabled }: Item<"listAccounts">): void => {
    setFault(undefined);
    answered(client.PATCH("/accounts/{name}", { params: { path: { name } }, body: { disabled: !disabled } }))
      .then(() => queries.invalidateQueries({ queryKey: ["accounts"] }))
      .catch((error: unknown) => setFault(error instanceof ApiError ? error.message : "It failed."));
  };
  return (
    <Card title="Accounts" className={canChange ? "span-8" : ""}>
      {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
      <QueryView query={query}>
        {({ items }) => (
          <DataTable
            caption="Accounts"
            rows={items}
            keyOf={({ name }) => name}
            columns={[
              { head: "Name", cell: ({ name }) => name },
              { head: "Role", cell: ({ role }) => role },
              { head: "Meters", cell: ({ meters }) => <Ids of={meters} /> },
              {
                head: "State",
                cell: ({ disabled }) => (
                  <Badge tone={disabled ? "warn" : "good"}>{disabled ? "disabled" : "active"}</Badge>
                ),
              },
              ...(canChange
                ? [
                    {
                      head: "Change",
                      cell: (account: Item<"listAccounts">) =>
                        account.name === own ? (
                          <span className="muted">you</span>
                        ) : (
                          <Button
                            size="small"
                            label={`${account.disabled ? "Enable" : "Disable"} ${account.name}`}
                            onClick={() => change(account)}
                          >
                            {account.disabled ? "Enable" : "Disable"}
                          </Button>
                        ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </QueryView>
    </Card>
  );
}

function Add(): ReactNode {
  const queries = useQueryClient();
  const [fault, setFault] = useState<string>();
  const [added, setAdded] = useState<string>();
  const [role, setRole] = useState<Role>("operator");
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    const field = (key: string): string => textOf(form.get(key)).trim();
    const meters = field("meters")
      .split(/[\s,]+/)
      .filter((meter) => meter !== "");
    setFault(undefined);
    answered(client.POST("/accounts", { body: { name: field("name"), password: field("password"), role, meters } }))
      .then(async ({ name }) => {
        setAdded(name);
        element.reset();
        await queries.invalidateQueries({ queryKey: ["accounts"] });
      })
      .catch((error: unknown) => setFault(error instanceof ApiError ? error.message : "It failed."));
  };
  return (
    <Card title="Add an account" className="span-4">
      <form className="form" onSubmit={submit} style={{ marginTop: 0 }}>
        <label className="field">
          <span>Name</span>
          <input name="name" required autoComplete="off" autoCapitalize="none" />
        </label>
        <label className="field">
          <span>Role</span>
          <select value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {ROLES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {role === "customer" && (
          <label className="field">
            <span>Meters, with commas</span>
            <input name="meters" placeholder="m-001" />
          </label>
        )}
        <label className="field">
          <span>Password</span>
          <input name="password" type="password" required minLength={12} autoComplete="new-password" />
        </label>
        {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
        {added !== undefined && fault === undefined && <Notice tone="good">{added} was added.</Notice>}
        <Button type="submit" kind="primary">
          Add
        </Button>
      </form>
    </Card>
  );
}

/** Who did it. Without an account it was done where the database is: when the demonstration was set up, or by `npm run accounts`. */
function doerOf({ account, detail }: Pick<Item<"listAudit">, "account" | "detail">): string {
  if (account !== null) return account;
  return detail.endsWith("of a demonstration") ? "set-up" : "the command line";
}

function Audit(): ReactNode {
  const zone = useZone();
  const query = useQuery(audit);
  return (
    <Card
      title="Audit, newest first"
      note="What was done with accounts and by operators. It cannot be changed from here."
    >
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing yet" />
          ) : (
            <DataTable
              caption="Audit"
              rows={items}
              keyOf={({ id }) => String(id)}
              columns={[
                { head: "When", cell: ({ at }) => <span className="nowrap">{moment(at, zone)}</span> },
                { head: "Who", cell: (entry) => doerOf(entry) },
                { head: "What", cell: ({ action }) => action },
                { head: "Detail", cell: ({ detail }) => detail },
                { head: "From", cell: ({ address }) => address },
                {
                  head: "Outcome",
                  cell: ({ outcome }) => <Badge tone={outcome === "done" ? "good" : "bad"}>{outcome}</Badge>,
                },
              ]}
            />
          )
        }
      </QueryView>
    </Card>
  );
}
