/** A token in use, with a memory in a folder of its own and a source that tests can change. */
import { AcceptedTokens } from "../../src/registration/accepted_tokens.ts";
import type { FoundToken } from "../../src/config/load.ts";
import { ApiToken } from "../../src/registration/token.ts";
import { FakeClock } from "./clock.ts";
import { RecordingLogger } from "./events.ts";

/** A token, and all that it is kept with. */
export class TestToken implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  /** What is found when the token is read again. */
  next: FoundToken | undefined;

  private constructor(readonly folder: string) {}

  /** Makes a folder for what is remembered. */
  static async create(): Promise<TestToken> {
    return new TestToken(await Deno.makeTempDir({ prefix: "token_" }));
  }

  /** The token as a node has it that starts with `value`. */
  start(value: string, options: { isRegistered?: boolean } = {}): ApiToken {
    const { isRegistered = false } = options;
    const memory = new AcceptedTokens(this.folder, () => Promise.resolve(isRegistered), {
      clock: new FakeClock(),
      logger: this.logger,
    });
    const source = { read: () => Promise.resolve(this.next) };
    return new ApiToken({ token: value, source: ".env" }, { source, memory, logger: this.logger });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
