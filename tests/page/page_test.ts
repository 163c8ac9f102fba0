import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { Browser, browserAvailable } from "../support/browser.ts";
import { wordFrom } from "../support/files.ts";
import { HttpNode } from "../support/http_node.ts";
import { Gate } from "../support/stage.ts";

/** Where pictures of the page go; by default nowhere that lasts. */
const PICTURES = Deno.env.get("CLOUD_NODE_PICTURES");

const DEVICES = { desktop: 1280, phone: 390 };

/** Somebody who looks at the page of a node in a browser. */
class Visit implements AsyncDisposable {
  private constructor(readonly node: HttpNode, readonly browser: Browser) {}

  /** Opens the page by a link, as `cyberwave-cloud-node page` prints it. */
  static async start(config: Parameters<typeof HttpNode.start>[0]): Promise<Visit> {
    const node = await HttpNode.start(config);
    const browser = await Browser.start();
    const visit = new Visit(node, browser);
    await browser.emulate({ width: DEVICES.desktop, scheme: "light" });
    const { body } = await node.post("/api/v1/links", "");
    await browser.open(JSON.parse(body).url);
    await browser.until(`document.querySelector("h2")`);
    return visit;
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
        if (PICTURES !== undefined) {
          await Deno.mkdir(PICTURES, { recursive: true });
          await this.browser.screenshot(`${PICTURES}/${name}-${device}-${scheme}.png`);
        }
      }
    }
    return findings;
  }

  async [Symbol.asyncDispose]() {
    await this.browser[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
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
  await using visit = await Visit.start(BUSY);
  const { node, browser } = visit;
  await using sender = await node.world.sender(node.local.identity);
  for (const [index, prompt] of ["a cat", "a dog", "bad"].entries()) {
    await sender.ask({ command: "inference", request_id: `request-${index}`, params: { prompt } });
  }
  const gate = await Gate.in(node.world.folder);
  const trained = ["train-1", "train-2"];
  for (const id of trained) {
    await sender.send({ command: "training", request_id: id, params: { rate: 1e-4 } });
  }
  await browser.until(`document.querySelector("pre").textContent.includes("at the gate")`);
  await browser.until(`document.querySelector("progress")?.value === 0.4`);
  const findings = await visit.findings("overview");
  await visit.show("history", "History");
  findings.push(...await visit.findings("history"));
  for (const id of trained) {
    await gate.open("a word");
    await sender.reply(id);
  }
  assertEquals(findings, []);
});
