import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { Browser, browserAvailable } from "../support/browser.ts";
import { wordFrom } from "../support/files.ts";
import { fillJournal } from "../support/journal.ts";
import { HttpNode } from "../support/http_node.ts";
import { Gate, Stage } from "../support/stage.ts";

/** Where pictures of the page go; by default nowhere that lasts. */
const PICTURES = Deno.env.get("CLOUD_NODE_PICTURES");

const DEVICES = { desktop: 1280, phone: 390 };

/** Somebody who looks at the page of a node in a browser. */
class Visit implements AsyncDisposable {
  private constructor(readonly browser: Browser, readonly url: string) {}

  /** Opens the page by a link. */
  static async by(link: string): Promise<Visit> {
    const browser = await Browser.start();
    await browser.emulate({ width: DEVICES.desktop, scheme: "light" });
    await browser.open(link);
    await browser.until(`document.querySelector("h2")`);
    return new Visit(browser, new URL("/", link).href);
  }

  /** Opens the page of a node. */
  static async of(node: HttpNode): Promise<Visit> {
    const { body } = await node.post("/api/v1/links", "");
    return await Visit.by(JSON.parse(body).url);
  }

  /** Goes to a view and waits until it is there. */
  async show(view: string, heading: string): Promise<void> {
    await this.browser.evaluate(`location.hash = "#/${view}"`);
    await this.browser.until(
      `document.querySelector("h1")?.textContent.includes(${JSON.stringify(heading)})`,
    );
  }

  /** What axe finds wrong on every kind of device; leaves a picture of each. */
  async findings(name: string): Promise<string[]> {
    const findings: string[] = [];
    // Past the page's policy, under which it could not be loaded.
    await this.browser.evaluate(`${axe.source}; undefined`);
    for (const [device, width] of Object.entries(DEVICES)) {
      for (const scheme of ["light", "dark"] as const) {
        await this.browser.emulate({ width, scheme });
        const { violations, passes } = await this.browser.evaluate("axe.run()");
        assert(passes.length > 10, "the checker did not run");
        for (const { id, help, nodes } of violations) {
          const places = nodes.map(({ html }: { html: string }) => html).join("\n  ");
          findings.push(`${name}, ${device}, ${scheme}: ${id}: ${help}\n  ${places}`);
        }
        const isWider = "document.documentElement.scrollWidth > innerWidth";
        if (await this.browser.evaluate(isWider)) {
          findings.push(`${name} is wider than a ${device}`);
        }
        if (PICTURES !== undefined) {
          await Deno.mkdir(PICTURES, { recursive: true });
          await this.browser.screenshot(`${PICTURES}/${name}-${device}-${scheme}.png`);
        }
      }
    }
    return findings;
  }

  /** What there is to read. */
  text(): Promise<string> {
    return this.browser.evaluate("document.body.innerText");
  }

  /**
   * Nothing failed in the page, was blocked by its policy, or came from elsewhere. That params are not
   * kept is an answer, which the browser logs as a failure.
   */
  hasNoProblems(): void {
    const { problems, requests } = this.browser;
    assertEquals(problems.filter((problem) => !/ 410 .*\/params$/.test(problem)), []);
    assertEquals(requests.filter((request) => !request.startsWith(this.url)), []);
  }

  async [Symbol.asyncDispose]() {
    await this.browser[Symbol.asyncDispose]();
  }
}

/** A test that needs the browser. */
function test(sentence: string, fn: () => Promise<void>): void {
  Deno.test({ name: `page: ${sentence}`, ignore: !hasBrowser, fn });
}

const hasBrowser = browserAvailable();

/** What the page must look like with: successes, failures, running, waiting and charts. */
const BUSY = {
  inference:
    `case {param:prompt:-nothing} in bad) echo no >&2; exit 3;; *) echo "a picture of" {param:prompt:-nothing};; esac`,
  training: `for epoch in $(seq 1 40); do
    echo "epoch $epoch: loss 0.$((100 - epoch))"
    echo "{\\"progress\\": $epoch, \\"total\\": 100, \\"message\\": \\"epoch $epoch\\"}" >"$CYBERWAVE_PROGRESS_FILE"
  done; echo at the gate; ${wordFrom("gate")}; echo let through with $word`,
};

test("an accessibility checker finds nothing, on any device, light and dark", async () => {
  await using node = await HttpNode.start(BUSY);
  await using visit = await Visit.of(node);
  const { browser } = visit;
  await using sender = await node.world.sender(node.local.identity);
  for (const [index, prompt] of ["a cat", "a dog", "bad"].entries()) {
    await sender.ask({ command: "inference", request_id: `request-${index}`, params: { prompt } });
  }
  const gate = await Gate.in(node.world.folder);
  const trained = ["train-1", "train-2"];
  for (const id of trained) {
    await sender.send({ command: "training", request_id: id, params: { rate: 1e-4 } });
  }
  await browser.until(`document.querySelector(".output pre").textContent.includes("at the gate")`);
  await browser.until(`document.querySelector("progress")?.value === 0.4`);
  const findings = await visit.findings("overview");
  for (const [view, heading] of [["history", "History"], ["settings", "Settings"]]) {
    await visit.show(view!, heading!);
    await browser.until(`document.querySelector("tbody tr")`);
    findings.push(...await visit.findings(view!));
  }
  const { id } = await node.json("/api/v1/workloads/request-2");
  await visit.show(`workloads/${id}`, "request-2");
  await browser.until(`document.querySelector(".output pre").textContent !== "…"`);
  findings.push(...await visit.findings("workload"));
  for (const id of trained) {
    await gate.open("a word");
    await sender.reply(id);
  }
  assertEquals(findings, []);
});

test("from the link to a command, its output, its progress, its end and its chart", async () => {
  await using node = await HttpNode.start(BUSY);
  await using visit = await Visit.of(node);
  const { browser } = visit;
  const gate = await Gate.in(node.world.folder);
  await browser.choose("Command", "training");
  await browser.fill("Params, as JSON", '{"rate": 0.1}');
  await browser.click("button", "Run");
  // It leads to what it started.
  await browser.until(`document.querySelector("h1").textContent.startsWith("training")`);
  await browser.until(
    `document.querySelector(".output pre").textContent.includes("epoch 40: loss 0.60")`,
  );
  await browser.until(`document.querySelector("progress").value === 0.4`);
  assert((await visit.text()).includes("40 % · 40 of 100 · epoch 40"));
  await visit.show("", "Overview");
  await browser.until(`document.querySelector("article progress").value === 0.4`);
  await browser.until(`document.querySelector("article pre").textContent.includes("at the gate")`);
  await gate.open("a word");
  await browser.until(`!document.querySelector("article")`);
  await browser.until(
    `/training.*succeeded/s.test(document.querySelector(".workloads tbody tr").textContent)`,
  );
  await browser.click("link", "History");
  await browser.until(`document.querySelectorAll(".workloads tbody tr").length === 1`);
  await browser.evaluate(`document.querySelector(".workloads a").click()`);
  await browser.until(
    `document.querySelector(".output pre")?.textContent.includes("let through with a word")`,
  );
  await browser.until(
    `[...document.querySelectorAll("pre")].some(({ textContent }) => textContent.includes('"rate": 0.1'))`,
  );
  // The machine's memory at least can be seen everywhere.
  await visit.show("", "Overview");
  await browser.until(
    `/^Memory: now \\d/.test(document.querySelector("[role=img][aria-label^=Memory]").ariaLabel)`,
  );
  const ink = `(() => {
    const canvas = document.querySelector("[aria-label^=Memory] canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) if (data[i + 2] > data[i] + 90) return true;
  })()`;
  await browser.until(ink);
  visit.hasNoProblems();
});

test("what is no command is not sent, and a command is cancelled only when that is meant", async () => {
  await using node = await HttpNode.start({ inference: "echo began; exec sleep 1000" });
  await using visit = await Visit.of(node);
  const { browser } = visit;
  await browser.fill("Params, as JSON", "{prompt: 1}");
  await browser.click("button", "Run");
  await browser.until(`document.querySelector("[role=alert]")?.textContent.includes("not JSON")`);
  await browser.fill("Params, as JSON", "{}");
  await browser.click("button", "Run");
  await browser.until(`document.querySelector(".output pre")?.textContent.includes("began")`);
  const id = await browser.evaluate(`location.hash.split("/").at(-1)`);
  await browser.until(`document.querySelector("dialog")`);
  await browser.evaluate(`document.querySelector("main .danger").click()`);
  await browser.until(`document.querySelector("main dialog").open`);
  // Who only presses Enter keeps it.
  await browser.press("Enter");
  await browser.until(`!document.querySelector("main dialog").open`);
  await browser.evaluate(`document.querySelector("main .danger").click()`);
  await browser.click("button", "Cancel it");
  await browser.until(`document.querySelector("main .state").textContent === "cancelled"`);
  const { cause } = await node.json(`/api/v1/workloads/${id}`);
  assertEquals(cause, "cancelled");
  visit.hasNoProblems();
});

test("ten thousand workloads are shown in pages, and found by what is known of them", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await using visit = await Visit.of(node);
  const { browser } = visit;
  fillJournal(node.world.stateFolder, 10_000, Date.now());
  await visit.show("history", "History");
  const first = `document.querySelector(".workloads tbody tr")?.textContent`;
  await browser.until(`${first}.includes("r10000")`);
  assertEquals(
    await browser.evaluate(`document.querySelectorAll(".workloads tbody tr").length`),
    50,
  );
  await browser.click("button", "Older");
  await browser.until(`${first}.includes("r9950")`);
  await browser.click("button", "Newer");
  await browser.until(`${first}.includes("r10000")`);
  await browser.fill("Id", "r4711");
  await browser.until(`document.querySelectorAll(".workloads tbody tr").length === 1`);
  assert((await visit.text()).includes("r4711"));
  await browser.choose("Outcome", "failed");
  await browser.until(`document.body.innerText.includes("Nothing matches.")`);
  visit.hasNoProblems();
});

test("it works by keyboard: past what is always there, and from view to view", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await using visit = await Visit.of(node);
  const { browser } = visit;
  const focused = "document.activeElement";
  await browser.press("Tab");
  await browser.until(`${focused}.textContent === "Skip to the content"`);
  await browser.press("Enter");
  await browser.until(`${focused}.id === "main"`);
  await browser.press("Tab");
  await browser.until(
    `document.querySelector("main").contains(${focused}) && ${focused}.id !== "main"`,
  );
  await browser.click("link", "Settings");
  await browser.until(`${focused}.tagName === "H1" && ${focused}.textContent === "Settings"`);
  await browser.until(`document.title.startsWith("Settings")`);
  visit.hasNoProblems();
});

test("a node that is gone is said to be, and what was known of it stays", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await using visit = await Visit.of(node);
  const { browser } = visit;
  await node.local.node.stop();
  await browser.until(
    `document.querySelector("header .state").textContent === "The node does not answer"`,
  );
  assert((await visit.text()).includes(node.local.identity.uuid));
});

test("the node of the program says what its settings are, and what doctor finds", async () => {
  await using stage = await Stage.set('  inference: "true"\n');
  await using _node = await stage.startNode("--slug", "n", "--http", "127.0.0.1:0");
  const { stdout } = await stage.run(["page", "--print"]);
  await using visit = await Visit.by(stdout.trim());
  const { browser } = visit;
  await visit.show("settings", "Settings");
  const row = `[...document.querySelectorAll("tbody tr")]
    .find(({ firstChild }) => firstChild.textContent === "inference").textContent`;
  await browser.until(`/true.*cyberwave\\.yml/.test(${row})`);
  await browser.fill("Filter", "inference");
  await browser.until(`document.querySelectorAll("tbody tr").length < 10`);
  await visit.show("doctor", "Doctor");
  await browser.until(
    `/^\\d+ ok, /.test(document.querySelector("main [role=status]").textContent)`,
  );
  assert((await visit.text()).includes("broker"));
  assertEquals(await visit.findings("doctor"), []);
  visit.hasNoProblems();
});

test("who is no longer logged in reads how to get in again", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await using visit = await Visit.of(node);
  await visit.browser.forgetCookies();
  await visit.browser.until(`document.body.innerText.includes("cyberwave-cloud-node page")`);
  assertEquals(await visit.findings("closed"), []);
});
