/** A database of its own for each test, in memory. */
import { openDatabase, type Database } from "../src/store/db.ts";

let count = 0;

export function freshDatabase(): Promise<Database> {
  count += 1;
  return openDatabase(() => undefined, `test-${count}`);
}
