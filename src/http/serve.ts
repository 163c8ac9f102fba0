/**
 * Starts the HTTP server of a node, and writes its address and its token into the state folder.
 *
 * @module
 */
import * as fs from "node:fs";
import { readHttpAddress } from "../config/values/http_address.ts";
import { quoted } from "../errors.ts";
import { databaseBytes, JOURNAL_FILE } from "../journal/database_file.ts";
import { untilStored } from "../journal/until_stored.ts";
import { readStateFile, requireFile, type StateFileParts } from "../state/state_file.ts";
import { replacePrivateFile } from "../state/private_file.ts";
import type { ServedNode } from "../node/served_node.ts";
import { HttpServer, type HttpServerOptions } from "./http_server.ts";
import { requireFree } from "./listen.ts";
import { secret } from "./sessions.ts";

/** The file with the token. */
const TOKEN_FILE = "http_token";

/** The file that says where the server is, as long as there is one. */
const ADDRESS_FILE = "http.json";

/** What is served. */
type ServeParts = Pick<HttpServerOptions, "node" | "about" | "examine">;

/**
 * Answers on `http`, an address as it stands in the settings, until the result is disposed.
 *
 * @throws {ConfigError} if it cannot be listened on
 */
export async function serveNode(http: string, parts: ServeParts): Promise<AsyncDisposable> {
  const { node, about: { settings: { stateFolder } } } = parts;
  const journal = `${stateFolder}/${JOURNAL_FILE}`;
  const journalBytes = () => databaseBytes(journal);
  await using resources = new AsyncDisposableStack();
  const address = readHttpAddress(http)!;
  await requireFree(address);
  const token = await loadToken(stateFolder, node);
  const server = resources.use(
    await HttpServer.start({ ...parts, address, token, journalBytes }),
  );
  const file = `${stateFolder}/${ADDRESS_FILE}`;
  resources.defer(() => fs.rmSync(file, { force: true }));
  const text = `${JSON.stringify({ url: server.url, pid: Deno.pid })}\n`;
  resources.use(await writeUntilWritten(file, text, node));
  node.logger.info(`HTTP on ${server.url}`);
  return resources.move();
}

/**
 * Writes a file. If that fails, as on a full disk, it is written later, unless the result is
 * disposed before: a node does not end because other programs cannot find its server.
 */
async function writeUntilWritten(
  path: string,
  text: string,
  parts: Pick<ServedNode, "clock" | "logger">,
): Promise<AsyncDisposable> {
  const leaving = new AbortController();
  const tried = Promise.withResolvers<void>();
  const writing = untilStored(
    quoted(path),
    parts,
    leaving.signal,
    () => replacePrivateFile(path, text).finally(tried.resolve),
  );
  await tried.promise;
  return {
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await writing;
    },
  };
}

/** Others than the owner of a file. */
const OTHERS = 0o077;

/**
 * The token in the state folder. One that is missing, damaged or readable by others is replaced.
 */
async function loadToken(stateFolder: string, parts: StateFileParts): Promise<string> {
  const path = `${stateFolder}/${TOKEN_FILE}`;
  requireFile(path, parts);
  const stored = readStateFile(path)?.trim();
  if (stored !== undefined && /^[\w-]{43}$/.test(stored)) {
    // Windows has no modes.
    if (((Deno.lstatSync(path).mode ?? 0) & OTHERS) === 0) return stored;
    parts.logger.warn(`Others could read ${quoted(path)}: there is another token in it now`);
  }
  const token = secret();
  await replacePrivateFile(path, `${token}\n`);
  return token;
}
