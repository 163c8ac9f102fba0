/**
 * The commands in the hands of one worker, and what it says about them.
 *
 * @module
 */
import type { Logger } from "../../log.ts";
import { MAX_LINE } from "./output_reader.ts";
import { idOfUnreadable, readLine, type WorkerMessage } from "./protocol.ts";
import type { WorkerExecution } from "./worker_execution.ts";

/** An answer to a command. */
export type WorkerAnswer = Extract<WorkerMessage, { type: "result" | "result_file" | "error" }>;

/** What a worker reports to whoever runs it. */
interface WorkerOwner {
  /** It is loaded, and takes so many commands at a time. */
  ready(concurrency: number | undefined): void;
  /** It has answered a command that is in hand. */
  answered(): void;
  /** A command that was in hand has ended. */
  left(): void;
  /** What it prints that belongs to no command, and what is wrong with that. */
  readonly logger: Pick<Logger, "info" | "warn">;
}

/** How many of the last lines say why a worker has ended. */
const LAST_LINES = 20;

/** The commands in the hands of one worker. */
export class CommandsInHand {
  readonly #owner: WorkerOwner;
  readonly #executions = new Map<string, WorkerExecution>();
  /** Answers to commands of an earlier node, until these are recovered. */
  readonly #earlierAnswers = new Map<string, WorkerAnswer>();
  readonly #lastLines: string[] = [];
  /** Those whose end is not stored: a later node may have to look for their answers. */
  readonly #unstored = new Set<string>();
  readonly #hints = new Set<string>();
  #isRecovering = true;

  /** Begins with none. */
  constructor(owner: WorkerOwner) {
    this.#owner = owner;
  }

  get count(): number {
    return this.#executions.size;
  }

  /** Its last lines of log output, which say why it has ended. */
  get lastLines(): string {
    return this.#lastLines.join("\n").slice(-4_096);
  }

  /** Adds a command, until it has ended. */
  add(execution: WorkerExecution): WorkerExecution {
    const { id } = execution;
    this.#executions.set(id, execution);
    this.#unstored.add(id);
    execution.exit.then(() => {
      this.#executions.delete(id);
      this.#owner.left();
    });
    return execution;
  }

  /** The answer to a command of an earlier node, if there is one. */
  takeAnswer(id: string): WorkerAnswer | undefined {
    const answer = this.#earlierAnswers.get(id);
    this.#earlierAnswers.delete(id);
    return answer;
  }

  /** What an earlier node has left is recovered: nobody will ask for other answers any more. */
  recoveryIsOver(): void {
    this.#isRecovering = false;
    this.#earlierAnswers.clear();
  }

  /** The end of a command is stored. */
  stored(id: string): void {
    this.#unstored.delete(id);
  }

  /** Whether no later node will look for an answer of what was handed over so far. */
  get areAllStored(): boolean {
    return !this.#isRecovering && this.#unstored.size === 0;
  }

  /** Takes a line of standard output. Of one that `isCut` there are only the beginning and the end. */
  takeLine(line: string, isCut: boolean): void {
    if (isCut) return this.#takeLong(line);
    const { messages, log } = readLine(line);
    if (log.trim() !== "") this.#takeLog(log, messages.length > 0);
    for (const message of messages) this.#take(message);
  }

  /** Takes a line of log output: it belongs to the command in hand, if there is one alone. */
  print(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
    const [only, ...others] = this.#executions.values();
    if (only !== undefined && others.length === 0) only.print(line);
    else this.#owner.logger.info(line);
  }

  /**
   * The worker has ended: each command that it got fails with the reason, but for the one that it was
   * killed for.
   */
  end(why: string, stubborn: string | undefined): void {
    for (const execution of [...this.#executions.values()]) {
      this.#executions.delete(execution.id);
      if (execution.id !== stubborn) {
        execution.leaveWorker(why);
        continue;
      }
      const note = "its worker had to be killed for that, and is started again";
      execution.end({ type: "killed", signal: "SIGKILL", note });
    }
    this.#lastLines.length = 0;
  }

  #take(message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        return this.#owner.ready(message.concurrency);
      case "progress":
        return this.#executions.get(message.id)?.onProgress?.(message.progress);
      default:
        return this.#answer(message);
    }
  }

  /** Takes log output of standard output, where it may be in the way of messages. */
  #takeLog(line: string, isBesideMessage: boolean): void {
    this.print(line);
    if (isBesideMessage) {
      this.#hint("it prints text and a message on one line, which belongs on stderr");
    } else if (this.#looksLikeAnswer(line)) this.#hint('its answer lacks "jsonrpc": "2.0"');
  }

  /** Whether it is a response to a command that is in hand, but for its version. */
  #looksLikeAnswer(line: string): boolean {
    const id = line.startsWith("{") && !line.includes('"jsonrpc"') && idOfUnreadable(line);
    return id !== false && id !== undefined && this.#executions.has(id);
  }

  /** Says once what is wrong with what it prints. */
  #hint(what: string): void {
    if (this.#hints.has(what)) return;
    this.#hints.add(what);
    this.#owner.logger.warn(`The worker does not keep to the protocol: ${what}`);
  }

  #takeLong(part: string): void {
    const id = idOfUnreadable(part);
    if (id === undefined) return this.print(part);
    const error =
      `The answer is a line of more than ${MAX_LINE} bytes: a larger one belongs into ` +
      'a file, as "result_file"';
    this.#answer({ type: "error", id, error });
  }

  #answer(message: WorkerAnswer): void {
    const execution = this.#executions.get(message.id);
    if (execution === undefined) {
      if (this.#isRecovering) this.#earlierAnswers.set(message.id, message);
      else this.#hint("it has answered a command twice, or one that it was not given");
      return;
    }
    this.#executions.delete(message.id);
    execution.answer(message);
    // What was printed for it does not say why the worker ends later.
    if (this.count === 0) this.#lastLines.length = 0;
    this.#owner.answered();
  }
}
