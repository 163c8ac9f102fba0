/**
 * The settings of a node, the results of `doctor`, and the OpenAPI document.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { shownSettings } from "../config/settings/settings_help.ts";
import { redact } from "../log.ts";
import { errorAnswer, jsonAnswer } from "./answers.ts";
import type { Route, RouteParts } from "./route.ts";

/** These routes. */
export const ABOUT_ROUTES: readonly Route[] = [
  { path: "/api/v1/settings", method: "GET", handle: showSettings },
  { path: "/api/v1/doctor", method: "GET", handle: showDoctor },
  { path: "/api/v1/openapi.json", method: "GET", handle: showDocument },
];

function showSettings({ about }: RouteParts): Response {
  return jsonAnswer({
    config_file: about.configFile ?? null,
    settings: shownSettings(about).map((setting) => ({ ...setting, value: redact(setting.value) })),
  });
}

async function showDoctor({ examine }: RouteParts): Promise<Response> {
  if (examine === undefined) {
    const error = "A node that is embedded in a program is not examined: run doctor";
    return errorAnswer(409, "not_available", error);
  }
  return jsonAnswer(await examine());
}

async function showDocument(): Promise<Response> {
  const { default: document } = await import("./openapi.json", { with: { type: "json" } });
  return jsonAnswer({ ...document, info: { ...document.info, version: manifest.version } });
}
