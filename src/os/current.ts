/**
 * The operating system that this program runs on: chosen here, once.
 *
 * @module
 */
import { linux } from "./linux.ts";
import { macos } from "./macos.ts";
import type { OperatingSystem } from "./operating_system.ts";
import { windows } from "./windows.ts";

function choose(): OperatingSystem {
  switch (Deno.build.os) {
    case "windows":
      return windows;
    case "linux":
    case "android":
      return linux;
    default:
      return macos;
  }
}

/** The operating system that this program runs on. */
export const OS: OperatingSystem = choose();
