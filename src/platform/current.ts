/**
 * The operating system that this program runs on: chosen here, once.
 *
 * @module
 */
import { linux } from "./linux.ts";
import { macos } from "./macos.ts";
import type { Platform } from "./platform.ts";
import { windows } from "./windows.ts";

function choose(): Platform {
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
export const PLATFORM: Platform = choose();
