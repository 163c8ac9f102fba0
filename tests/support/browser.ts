/** Chromium without a window, driven by its DevTools protocol. */
import { existsSync } from "node:fs";
import { inTime } from "./events.ts";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** Where the browser is on this machine; `undefined`: nowhere. */
const CHROMIUM = (Deno.env.get("PATH") ?? "").split(":")
  .flatMap((folder) => PROGRAMS.map((name) => `${folder}/${name}`))
  .find((path) => existsSync(path));

/** Whether there is a browser. Says so when not; on CI for Linux that is an error. */
export function browserAvailable(): boolean {
  if (CHROMIUM !== undefined) return true;
  if (Deno.env.has("CI") && Deno.build.os === "linux") {
    throw new Error("chromium is not installed, and on CI its tests must not be skipped");
  }
  console.warn("chromium is not installed: the tests that need it are skipped");
  return false;
}

/** A browser that has never run here writes its profile first. */
const START_MS = 60_000;

type Params = Readonly<Record<string, unknown>>;

// deno-lint-ignore no-explicit-any -- what the protocol answers has a shape for each method
type Answer = any;

/** A browser with one page. */
export class Browser implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #resources: AsyncDisposableStack;
  readonly #calls = new Map<number, PromiseWithResolvers<Answer>>();
  #session: string | undefined;
  #id = 0;

  /** What went wrong in the page: exceptions, errors on the console, what its policy blocked. */
  readonly problems: string[] = [];
  /** The addresses that the page asked for. */
  readonly requests: string[] = [];

  private constructor(socket: WebSocket, resources: AsyncDisposableStack) {
    this.#socket = socket;
    this.#resources = resources;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  /** Starts one. */
  static async start(): Promise<Browser> {
    await using resources = new AsyncDisposableStack();
    const profile = resources.adopt(
      await Deno.makeTempDir({ prefix: "chromium_" }),
      (path) => Deno.remove(path, { recursive: true }),
    );
    const child = new Deno.Command(CHROMIUM!, {
      args: [
        ...["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`],
        ...["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
        ...["--disable-background-networking", "--disable-extensions", "--hide-scrollbars"],
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    resources.defer(async () => {
      await child.stderr.cancel().catch(() => {});
      await child.status;
    });
    const url = await inTime(debuggerUrl(child.stderr), "a browser", START_MS);
    const socket = new WebSocket(url);
    const browser = new Browser(socket, resources.move());
    await inTime(
      new Promise((resolve) => socket.onopen = resolve),
      "a connection to the browser",
    );
    const { targetId } = await browser.#call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.#call("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) {
      await browser.#call(`${domain}.enable`);
    }
    return browser;
  }

  /** Has the page look as on a device. */
  async emulate(
    { width, height = 900, scheme }: { width: number; height?: number; scheme: "light" | "dark" },
  ): Promise<void> {
    const mobile = width < 600;
    const size = { width, height, deviceScaleFactor: 1, mobile };
    await this.#call("Emulation.setDeviceMetricsOverride", size);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.#call("Emulation.setEmulatedMedia", { features });
  }

  /** Goes to an address. */
  async open(url: string): Promise<void> {
    await this.#call("Page.navigate", { url });
  }

  /** What an expression in the page is; a promise is awaited. */
  async evaluate(expression: string): Promise<Answer> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#call("Runtime.evaluate", options);
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** Resolves with the value of an expression in the page once it is true. */
  async until(expression: string): Promise<Answer> {
    const isTrue = `new Promise((resolve) => {
      const look = () => {
        const value = (() => { try { return ${expression}; } catch { return undefined; } })();
        if (value) resolve(value);
        else setTimeout(look, 20);
      };
      look();
    })`;
    try {
      return await inTime(this.evaluate(isTrue), expression);
    } catch (error) {
      // A page that was left meanwhile takes its promises with it.
      if (/context was destroyed|Cannot find context/.test(String(error))) {
        return await this.until(expression);
      }
      const text = await this.evaluate("document.body.innerText");
      throw new Error(`${error}\n${this.problems.join("\n")}\nThe page:\n${text}`);
    }
  }

  /** Waits for an element with this role and name, as a screen reader finds it, and clicks on it. */
  async click(role: string, name: string): Promise<void> {
    await this.until(`${find(role, name)} && !${find(role, name)}.disabled`);
    await this.evaluate(`${find(role, name)}.click()`);
  }

  /** Replaces the text of a field by its label. */
  async fill(label: string, text: string): Promise<void> {
    const field = `[...document.querySelectorAll("label")]
      .find(({ textContent }) => textContent.trim().startsWith(${JSON.stringify(label)}))
      ?.querySelector("input, textarea")`;
    await this.until(field);
    await this.evaluate(`(${field}).select()`);
    await this.#call("Input.insertText", { text });
  }

  /** Chooses an option of a field by its label. */
  async choose(label: string, option: string): Promise<void> {
    const field = `[...document.querySelectorAll("label")]
      .find(({ textContent }) => textContent.trim().startsWith(${JSON.stringify(label)}))
      ?.querySelector("select")`;
    await this.until(`[...(${field}).options].some(({ value }) => value === "${option}")`);
    await this.evaluate(`(() => {
      const field = ${field};
      field.value = ${JSON.stringify(option)};
      field.dispatchEvent(new Event("change", { bubbles: true }));
    })()`);
  }

  /** Presses a key. */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13, Escape: 27 };
    const text = key === "Enter" ? { text: "\r" } : {};
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] };
    await this.#call("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text });
    await this.#call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Writes a picture of the whole page. */
  async screenshot(path: string): Promise<void> {
    const { cssContentSize: { height, width } } = await this.#call("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width, height: Math.min(height, 4000), scale: 1 };
    const options = { captureBeyondViewport: true, clip };
    const { data } = await this.#call("Page.captureScreenshot", options);
    await Deno.writeFile(path, Uint8Array.fromBase64(data));
  }

  /** Forgets who it is logged in as. */
  async forgetCookies(): Promise<void> {
    await this.#call("Network.clearBrowserCookies");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isClosed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#session = undefined;
    this.#call("Browser.close").catch(() => {});
    await isClosed;
    for (const { reject } of this.#calls.values()) reject(new Error("The browser was closed"));
    await this.#resources.disposeAsync();
  }

  #call(method: string, params: Params = {}): Promise<Answer> {
    const id = ++this.#id;
    const call = Promise.withResolvers<Answer>();
    this.#calls.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    return call.promise;
  }

  #receive({ id, result, error, method, params }: Answer): void {
    if (id !== undefined) {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error.message));
    }
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = params.exceptionDetails;
      this.problems.push(exception?.description ?? text);
    }
    if (method === "Log.entryAdded" && params.entry.level === "error") {
      this.problems.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
    if (method === "Runtime.consoleAPICalled" && params.type === "error") {
      this.problems.push(params.args.map(({ value }: Answer) => value).join(" "));
    }
  }
}

/** The first line of standard error that says where to connect. */
async function debuggerUrl(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stderr.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    const [, url] = /^DevTools listening on (\S+)$/m.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`The browser did not start: ${text}`);
}

const ELEMENTS: Readonly<Record<string, string>> = {
  button: "button",
  link: "a[href]",
  heading: "h1, h2",
};

function find(role: string, name: string): string {
  return `[...document.querySelectorAll(${JSON.stringify(ELEMENTS[role])})].find((element) =>
    (element.getAttribute("aria-label") ?? element.textContent).trim() === ${
    JSON.stringify(name)
  } &&
    element.checkVisibility())`;
}
