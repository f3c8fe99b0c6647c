/** Where parties keep their databases. */
import { z } from "zod";

export const storage = z.strictObject({
  url: z
    .string()
    .regex(/^$|^postgres(ql)?:\/\/\S+$/, "empty, or postgresql://host:port/database")
    .default("")
    .meta({
      description:
        "PostgreSQL server for the databases of utility, aggregators, analytics and HTTP interface (docs/postgresql.md); empty: SQLite files. " +
        "Each party has a schema of its own and, where no user stands here, logs in as `wattveil_<party>`. Passwords come from " +
        "PGPASSWORD or ~/.pgpass.",
    }),
});
