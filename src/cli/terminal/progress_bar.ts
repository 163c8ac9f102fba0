/**
 * Progress as a line of text. Pure.
 *
 * @module
 */
import { fractionOf, type Progress } from "../../protocol/progress.ts";
import { harmless } from "./terminal.ts";

/** The narrowest bar that shows anything. */
const MIN_BAR = 10;

/** The widest bar that is drawn. */
const MAX_BAR = 30;

/** Progress in words, on one line: `40% (4 of 10) epoch 4`. */
export function progressText(progress: Progress): string {
  const message = oneLine(progress.message ?? "");
  return [amountOf(progress), message].filter((part) => part !== "").join(" ");
}

/**
 * Progress as a bar with its words, on one line of at most `columns` characters. If the fraction is
 * unknown there are only words.
 */
export function progressLine(progress: Progress, columns: number): string {
  const fraction = fractionOf(progress);
  const text = progressText(progress);
  const width = Math.min(MAX_BAR, Math.floor(columns / 3));
  if (fraction === undefined || width < MIN_BAR) return cut(text, columns);
  const done = Math.floor(fraction * width);
  const bar = `[${"#".repeat(done)}${"-".repeat(width - done)}]`;
  return cut(`${bar} ${text}`, columns);
}

function amountOf(amount: Progress): string {
  const { progress, total } = amount;
  if (progress === undefined) return "";
  const fraction = fractionOf(amount);
  const count = total === undefined
    ? `${short(progress)}`
    : `${short(progress)} of ${short(total)}`;
  if (fraction === undefined) return count;
  // Rounded down: 100% is said of what is done.
  const percent = `${Math.floor(fraction * 100)}%`;
  return total === undefined ? percent : `${percent} (${count})`;
}

/** A number, rounded for people. */
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function oneLine(text: string): string {
  return harmless(text.replaceAll(/\s+/g, " ")).trim();
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join("")}…`;
}
