/**
 * `page`: opens the page of the node of this computer.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import { openBrowser, type Opened } from "../../os/open_browser.ts";
import type { Arguments } from "../arguments.ts";
import { shellWord } from "../invocation.ts";
import { useStateFolder } from "../load_settings.ts";
import { NodeHttp, pageLink } from "../node_http.ts";
import { print, report } from "../terminal/terminal.ts";

/** The exit code when no node runs. */
const NOT_RUNNING = 1;

/** Prints a link to the page, and opens it. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  using node = NodeHttp.find(stateFolder);
  if (node === undefined) {
    report(`No node runs with the state folder ${quoted(stateFolder)}`);
    return NOT_RUNNING;
  }
  const link = await pageLink(node);
  print(link);
  if (!args.has("print")) {
    for (const line of linesAbout(link, await openBrowser(link))) report(line);
  }
  return 0;
}

/** What is to be said beside the link. */
export function linesAbout(link: string, opened: Opened): string[] {
  const once = "It works once, within 10 minutes";
  switch (opened.type) {
    case "opened":
      return [`Opened in the browser. ${once}`];
    case "no_desktop":
      return [`Open it in a browser on this computer. ${once}`];
    case "ssh": {
      const { hostname, port } = new URL(link);
      const { user, host } = opened;
      const at = opened.port === "22" ? [] : ["-p", opened.port];
      const command = ["ssh", ...at, "-N", "-L", `${port}:${hostname}:${port}`, `${user}@${host}`];
      return [
        "First forward the port, on your own computer:",
        `  ${command.map(shellWord).join(" ")}`,
        `Then open the link in a browser there. ${once}`,
      ];
    }
  }
}
