/** Uploads of result files, from a folder of their own to a server of their own. */
import { dirname } from "node:path";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { putPayload } from "../../src/backend/storage.ts";
import type { Logger } from "../../src/log.ts";
import {
  ResultUploads,
  type ResultUploadsOptions,
  type UploadOutcome,
} from "../../src/results/results.ts";
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

/** Settings of results, and where a test changes them. */
export type ResultSettings = Partial<ResultUploadsOptions["settings"]>;

/** What a command that succeeded comes to. */
export const OK = { status: "ok" };

/** Uploads for the length of a test. Nothing waits between attempts, unless the test has the clock. */
export class TestUploads implements AsyncDisposable {
  readonly server = new StorageServer();
  /** The shared results folder. */
  readonly folder = new ResultsFolder();
  readonly state = new ResultsFolder();
  readonly journal: TestJournal;
  readonly logger = new RecordingLogger();
  readonly signal = new AbortController().signal;
  readonly #clock: Clock;
  readonly #random: () => number;
  #settings: ResultSettings;
  uploads: ResultUploads;

  constructor(
    { clock = systemClock, random = () => 0, settings = {} }: {
      clock?: Clock;
      random?: () => number;
      settings?: ResultSettings;
    } = {},
  ) {
    this.journal = new TestJournal();
    this.#clock = clock;
    this.#random = random;
    this.#settings = settings;
    this.uploads = this.#create();
  }

  get files() {
    return this.journal.journal.resultFiles;
  }

  /** A command that the platform follows as the workload `w-<id>`, and that runs. */
  started(id: string): { id: string; workloadUuid: string; folder: string } {
    const command = { id, workloadUuid: `w-${id}` };
    const { journal } = this.journal;
    journal.accept(newCommand(id, command));
    const folder = this.uploads.folderFor(id);
    journal.start(id, { executor: "process", attempt: "1", bootId: "b" });
    return { ...command, folder };
  }

  /** Ends a command that runs. Resolves with the names of its results. */
  async end(
    { id, workloadUuid }: TestCommand,
    outcome: { status: string } = OK,
  ): Promise<string[]> {
    const files = await this.uploads.take({ id, workloadUuid }, outcome);
    await this.journal.journal.commit(() => {
      this.uploads.record(id, files);
      this.journal.journal.end(id, SUCCESS, [], files.length > 0);
    });
    return files.map(({ name }) => name);
  }

  /** A command that has just succeeded, and left what is in the shared folder. */
  async ended(id: string): Promise<TestCommand> {
    const command = this.started(id);
    await this.end(command);
    return command;
  }

  /** Uploads what a command left. */
  upload(command: TestCommand, signal: AbortSignal = this.signal): Promise<UploadOutcome> {
    return this.uploads.upload(command, signal);
  }

  /** Takes up what an earlier node left. */
  restart(settings: ResultSettings = {}): void {
    this.journal.restart();
    this.#settings = settings;
    this.uploads = this.#create();
  }

  #create(): ResultUploads {
    const logger: Logger = this.logger;
    return new ResultUploads({
      store: this.journal.journal.resultFiles,
      journal: this.journal.journal,
      api: platformAt(this.server.url),
      put: putPayload,
      settings: {
        uploadResults: true,
        resultsFolder: this.folder.path,
        results: [],
        uploadWhileRunning: 0,
        stateFolder: this.state.path,
        ...this.#settings,
      },
      workloadsFolder: `${this.state.path}/workloads`,
      clock: this.#clock,
      random: this.#random,
      logger,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.journal[Symbol.dispose]();
    this.folder[Symbol.dispose]();
    this.state[Symbol.dispose]();
  }
}

/** A command as uploads know it. */
export interface TestCommand {
  readonly id: string;
  readonly workloadUuid: string;
}
