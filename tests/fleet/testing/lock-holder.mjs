/**
 * Holds the write lock of a database, as a backup or a person with a shell would: from when it says so until it is
 * told to let go, or its parent is gone. JavaScript, so that it starts at once.
 */
import process from "node:process";
import Database from "better-sqlite3";

const database = new Database(process.argv[2], { fileMustExist: true, timeout: 2_000 });
database.exec("BEGIN EXCLUSIVE");
process.once("disconnect", () => process.exit(1));
process.once("message", () => {
  database.exec("COMMIT");
  database.close();
  process.disconnect();
});
process.send?.("held");
