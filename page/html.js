/** What every part of the page is written with. */
import { Fragment, h } from "./preact.js";
import htm from "./htm.js";

export const html = htm.bind(h);
export { Fragment };
export { render } from "./preact.js";
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./hooks.js";
