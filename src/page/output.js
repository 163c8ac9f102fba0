/** What a workload prints, as it comes. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { ask, workloadPath } from "./node.js";
import { Problem } from "./parts.js";

/** How much is loaded first, and how much is kept. */
const TAIL_BYTES = 64 * 1024;
const MAX_CHARACTERS = 256 * 1024;

const INTERVAL_MS = 1000;

// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)/g;

/** Text as a terminal would leave it: a line that was written over shows what was written last. */
export function shown(text) {
  return text.replaceAll(ESCAPES, "").replaceAll("\r\n", "\n")
    .split("\n").map((line) => line.replace(/\r+$/, "").split("\r").at(-1)).join("\n");
}

/** Follows a stream of output. */
function useOutput(id, stream, isRunning) {
  const [state, setState] = useState({ text: "" });
  const follow = useRef({ key: undefined });
  useEffect(() => {
    const key = `${id}/${stream}`;
    // What was read stays when the workload ends, and what came at its end is read after it.
    const read = follow.current.key === key
      ? follow.current
      : { key, offset: undefined, decoder: new TextDecoder() };
    if (follow.current !== read) setState({ text: "" });
    follow.current = read;
    let [hasEnded, timer] = [false, undefined];
    const load = async () => {
      try {
        if (!document.hidden) await readOn();
      } catch (error) {
        if (!hasEnded) setState((old) => ({ ...old, error }));
      }
      if (!hasEnded && isRunning) timer = setTimeout(load, INTERVAL_MS);
    };
    const readOn = async () => {
      for (;;) {
        const { offset } = read;
        const where = offset === undefined ? `tail=${TAIL_BYTES}` : `offset=${offset}`;
        const response = await ask(`${workloadPath(id)}/logs?stream=${stream}&${where}`);
        const bytes = await response.arrayBuffer();
        if (hasEnded || read.offset !== offset) return;
        read.offset = Number(response.headers.get("x-next-offset"));
        if (offset === undefined) read.start = Number(response.headers.get("x-offset"));
        const text = read.decoder.decode(bytes, { stream: true });
        setState((old) => ({
          text: (old.text + text).slice(-MAX_CHARACTERS),
          start: read.start,
          isRead: true,
        }));
        if (bytes.byteLength === 0) return;
      }
    };
    load();
    return () => {
      hasEnded = true;
      clearTimeout(timer);
    };
  }, [id, stream, isRunning]);
  return state;
}

/** The output of a workload; while it runs, its end stays in view unless somebody scrolls up. */
export function Output({ id, isRunning, isShort = false, first = "stdout" }) {
  const [stream, setStream] = useState(first);
  const { text, start, isRead, error } = useOutput(id, stream, isRunning);
  const box = useRef();
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  const onScroll = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 8;
  };
  return html`
    <div class="output">
      <div class="tabs" role="group" aria-label="Stream">
          ${["stdout", "stderr"].map((name) =>
            html`
              <button type="button" key=${name} aria-pressed=${name === stream}
                onClick=${() => setStream(name)}>${name}</button>
            `
          )}
          ${start > 0 &&
            html`<a href=${`api/v1${
              workloadPath(id)
            }/logs?stream=${stream}`}>from the beginning</a>`}
        </div>
      <${Problem} error=${error} />
      <pre ref=${box} tabindex="0" role="region" aria-label=${`${stream} of ${id}`}
        class=${isShort ? "short" : ""} onScroll=${onScroll}>${text === ""
          ? html`<span class="note">${isRead ? "nothing printed" : "…"}</span>`
          : shown(text)}</pre>
    </div>
  `;
}
