/** Uploads of result files, from a folder of their own to a server of their own. */
import { dirname } from "node:path";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { putPayload } from "../../src/backend/storage.ts";
import type { Logger } from "../../src/log.ts";
import { ResultUploads } from "../../src/results/results.ts";
import { type Clock, systemClock } from "../../src/time.ts";
import { RecordingLogger } from "./events.ts";
import { newCommand, SUCCESS, TestJournal } from "./journal.ts";
import { StorageServer, TOKEN } from "./storage.ts";

/** The platform at `url`. */
export function platformAt(url: string): RestBackend {
  return new RestBackend({ apiUrl: url, token: TOKEN });
}

/** A results folder for the length of a test. */
export class ResultsFolder implements Disposable {
  readonly path: string = Deno.realPathSync(
    Deno.makeTempDirSync({ prefix: "cloud_node_results_" }),
  );

  /** Writes a file, in folders that need not be there; gives its path. */
  write(name: string, text: string): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** Everything in it, folders with a slash at the end. */
  names(folder = ""): string[] {
    return [...Deno.readDirSync(`${this.path}/${folder}`)].flatMap(({ name, isDirectory }) =>
      isDirectory ? [`${folder}${name}/`, ...this.names(`${folder}${name}/`)] : [`${folder}${name}`]
    ).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Uploads for the length of a test. Nothing waits between tries, unless the test has the clock. */
export class TestUploads implements AsyncDisposable {
  readonly server = new StorageServer();
  readonly folder = new ResultsFolder();
  readonly journal = new TestJournal();
  readonly logger = new RecordingLogger();
  readonly signal = new AbortController().signal;
  readonly #clock: Clock;
  readonly #random: () => number;
  uploads: ResultUploads;

  constructor(
    { clock = systemClock, random = () => 0 }: { clock?: Clock; random?: () => number } = {},
  ) {
    this.#clock = clock;
    this.#random = random;
    this.uploads = this.#create();
  }

  /** A command that the platform follows as the workload `w-<id>`, and that just succeeded. */
  ended(id: string): { id: string; workloadUuid: string } {
    const command = { id, workloadUuid: `w-${id}` };
    const { journal } = this.journal;
    journal.accept(newCommand(id, command));
    journal.end(id, SUCCESS, []);
    return command;
  }

  /** Takes up what an earlier node left. */
  restart(): void {
    this.journal.restart();
    this.uploads = this.#create();
  }

  #create(): ResultUploads {
    const logger: Logger = this.logger;
    return new ResultUploads({
      store: this.journal.journal.resultFiles,
      api: platformAt(this.server.url),
      put: putPayload,
      folder: this.folder.path,
      clock: this.#clock,
      random: this.#random,
      logger,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.journal[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}
