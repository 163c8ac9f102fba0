/**
 * Reads what can still be read of a damaged database, row by row.
 *
 * @module
 */
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";
import { toRecord } from "./command_row.ts";

/** The tables in an order in which each refers only to those before it, and their keys. */
const TABLES: readonly (readonly [table: string, key: string])[] = [
  ["commands", "seq"],
  ["requesters", "seq"],
  ["trace_contexts", "command_id"],
  ["outbox", "seq"],
  ["log_positions", "command_id"],
  ["small_outputs", "command_id"],
  ["result_files", "seq"],
];

/** What was read of a damaged database. */
interface Salvaged {
  /** How many rows were copied. */
  readonly rows: number;
  /** How many rows are damaged, as far as is known. */
  readonly damaged: number;
}

type Row = Record<string, SQLOutputValue>;

/** How many rows are read at once. */
const PAGE = 64;

/** How far beyond the last row that can be read in order others are looked for. */
const REACH = 10_000n;

/** How many are looked for between two rows that can be read. */
const MAX_BETWEEN = 1_000_000n;

/** Copies what can be read at `path` into `target`, which has the newest schema and is empty. */
export function salvage(path: string, target: DatabaseSync): Salvaged {
  let rows = 0;
  let damaged = 0;
  using source = openDamaged(path);
  target.exec("BEGIN");
  for (const [table, key] of TABLES) {
    const columns = commonColumns(source, target, table);
    if (!columns.includes(key)) continue;
    const insert = target.prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
    damaged += forEachReadable(source, table, key, (row) => {
      if (copy(insert, table, columns, row)) rows++;
      else damaged++;
    });
  }
  target.exec("COMMIT");
  return { rows, damaged };
}

function openDamaged(path: string): DatabaseSync {
  // The types do not know the second option yet. Without it the pragma below has no effect.
  const options = { readOnly: true, defensive: false };
  const source = new DatabaseSync(path, options);
  try {
    // One damaged entry of the schema, or a file that is too short, must not hide all tables.
    source.exec("PRAGMA writable_schema = ON");
  } catch {
    // What follows finds no table, and so reads nothing.
  }
  return source;
}

function commonColumns(source: DatabaseSync, target: DatabaseSync, table: string): string[] {
  const known = columnsOf(target, table);
  return columnsOf(source, table).filter((column) => known.includes(column));
}

function columnsOf(database: DatabaseSync, table: string): string[] {
  try {
    return database.prepare(`PRAGMA table_info(${table})`).all().map(({ name }) => String(name));
  } catch {
    return [];
  }
}

/** Whether a row could be copied: the schema refuses most of what damage makes. */
function copy(
  insert: { run(...values: SQLInputValue[]): unknown },
  table: string,
  columns: readonly string[],
  row: Row,
): boolean {
  if (table === "commands" && "damage" in toRecord(row)) return false;
  try {
    insert.run(...columns.map((column) => row[column]));
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a table from both ends to the damage, then one by one what may be between. Returns how many
 * rows there cannot be read.
 */
function forEachReadable(
  source: DatabaseSync,
  table: string,
  key: string,
  use: (row: Row) => void,
): number {
  const up = readUntilDamage(source, `${table} NOT INDEXED`, key, ["ASC", ">"], use);
  if (up.isWhole) return 0;
  const rest = up.last === undefined ? "" : `WHERE ${key} > ${literal(up.last)}`;
  const unread = `(SELECT * FROM ${table} NOT INDEXED ${rest})`;
  const down = readUntilDamage(source, unread, key, ["DESC", "<"], use);
  return readBetween(source, table, key, [up.last, down.last], use);
}

function literal(value: SQLOutputValue): string {
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : `${value}`;
}

/** Reads rows in one order, the last ones before the damage one by one. */
function readUntilDamage(
  source: DatabaseSync,
  rows: string,
  key: string,
  [order, beyond]: readonly ["ASC", ">"] | readonly ["DESC", "<"],
  use: (row: Row) => void,
): { readonly last: SQLOutputValue | undefined; readonly isWhole: boolean } {
  let last: SQLOutputValue | undefined;
  for (let limit = PAGE; limit > 0;) {
    const where = last === undefined ? "" : `WHERE ${key} ${beyond} ${literal(last)}`;
    const sql = `SELECT * FROM ${rows} ${where} ORDER BY ${key} ${order} LIMIT ${limit}`;
    const page = tryAll(source, sql);
    if (page?.length === 0) return { last, isWhole: true };
    for (const row of page ?? []) {
      // Damaged pages may lead back.
      if (last != null && (order === "ASC" ? row[key]! <= last : row[key]! >= last)) {
        return { last, isWhole: false };
      }
      use(row);
      last = row[key];
    }
    if (page === undefined) limit = limit === 1 ? 0 : 1;
  }
  return { last, isWhole: false };
}

/** Looks up one by one the rows between two of them, or near the one that is known. */
function readBetween(
  source: DatabaseSync,
  table: string,
  key: string,
  [first, last]: readonly (SQLOutputValue | undefined)[],
  use: (row: Row) => void,
): number {
  const end = typeof last === "bigint" ? last : undefined;
  const start = typeof first === "bigint" ? first : (end ?? REACH) - REACH;
  let unreadable = 0;
  const reach = start + (end === undefined ? REACH : MAX_BETWEEN);
  const stop = end !== undefined && end < reach ? end : reach;
  const select = tryPrepare(source, `SELECT * FROM ${table} NOT INDEXED WHERE ${key} = ?`);
  for (let seq = start + 1n; select !== undefined && seq < stop; seq++) {
    try {
      const row = select.get(seq);
      if (row !== undefined) use(row);
    } catch {
      unreadable++;
    }
  }
  return unreadable;
}

function tryPrepare(source: DatabaseSync, sql: string): StatementSync | undefined {
  try {
    const statement = source.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  } catch {
    return undefined;
  }
}

/** The rows of a query; `undefined` when it meets damage. */
function tryAll(source: DatabaseSync, sql: string): Row[] | undefined {
  try {
    return tryPrepare(source, sql)?.all();
  } catch {
    return undefined;
  }
}
