/**
 * Kysely over a PostgreSQL database of `config/runtime/postgres`. Queries are built for PostgreSQL; the tables are the
 * same migrations as SQLite's, whose types take PostgreSQL's names on the way.
 */
import {
  DataTypeNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PostgresPool,
  PostgresDialect,
  type RawNode,
  type RootOperationNode,
} from "kysely";
import type { PostgresDatabase } from "../../config/runtime/postgres/database.ts";

/** For Kysely a pool of one connection: whoever wants it waits until it is given back, as it is with SQLite. */
export function dialectOver(database: PostgresDatabase): PostgresDialect {
  let free: Promise<void> = Promise.resolve();
  const pool = {
    async connect() {
      const before = free;
      let giveBack: () => void = () => undefined;
      free = new Promise((resolve) => (giveBack = resolve));
      await before;
      return {
        query: (sql: string, values: readonly unknown[]) => Promise.resolve().then(() => run(database, sql, values)),
        release: () => giveBack(),
      };
    },
    end: () => Promise.resolve(void database.close()),
  };
  // What Kysely asks of pg's pool is what is here; streams, which it types as well, are not used.
  return new PostgresDialect({ pool: pool as unknown as PostgresPool });
}

/** Kysely's own words for transactions; the database has its own for a begin, which keeps other writers out. */
function run(database: PostgresDatabase, sql: string, values: readonly unknown[]): unknown {
  if (/^(begin|start transaction|commit|rollback)\b/.test(sql)) {
    database.run(sql === "begin" ? database.begin : sql);
    return { command: "", rowCount: 0, rows: [] };
  }
  // Kysely asks the server for its tables with truths among the parameters; the roles have none.
  const known = values.map((value) => (typeof value === "boolean" ? String(value) : value));
  const { rows, changes, command } = database.query(sql, known);
  return { command, rowCount: changes, rows };
}

/** What the migrations call a type, and what PostgreSQL calls it. */
const BYTES = "blob";

class PostgresTypes extends OperationNodeTransformer {
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    // SQLite's integers have 64 bits.
    return node.dataType === "integer" ? DataTypeNode.create("bigint") : super.transformDataType(node);
  }

  protected override transformRaw(node: RawNode): RawNode {
    const isBytes = node.sqlFragments.length === 1 && node.sqlFragments[0] === BYTES;
    return isBytes ? { ...node, sqlFragments: ["bytea"] } : super.transformRaw(node);
  }
}

/** Statements about tables alone are looked through: queries have no types in them. */
export const postgresTypes: KyselyPlugin = {
  transformQuery: ({ node }: PluginTransformQueryArgs): RootOperationNode =>
    ABOUT_TABLES.has(node.kind) ? new PostgresTypes().transformNode(node) : node,
  transformResult: ({ result }) => Promise.resolve(result),
};

const ABOUT_TABLES: ReadonlySet<OperationNode["kind"]> = new Set(["CreateTableNode", "AlterTableNode"]);
