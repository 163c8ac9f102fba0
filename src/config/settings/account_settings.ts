/**
 * The first rows of the settings table: whose account a node uses, and who it is.
 *
 * @module
 */
import type { SettingRows } from "./setting.ts";
import * as values from "../values/values.ts";

/** The settings of the groups Account and Identity. */
export const ACCOUNT_SETTINGS: SettingRows<
  | "token"
  | "apiUrl"
  | "controlPlane"
  | "workspaceSlug"
  | "workspaceUuid"
  | "slug"
  | "instanceUuid"
  | "profileSlug"
  | "environmentUuid"
  | "environment"
> = {
  token: {
    group: "Account",
    type: values.token,
    help: "The API token",
    env: ["CYBERWAVE_API_TOKEN", "CYBERWAVE_API_KEY"],
    yaml: [],
    credentials: "token",
  },
  apiUrl: {
    group: "Account",
    type: values.httpUrl,
    help: "Where the backend is",
    default: "https://api.cyberwave.com",
    flag: { name: "api-url", value: "URL" },
    env: ["CYBERWAVE_API_URL", "CYBERWAVE_BASE_URL"],
  },
  controlPlane: {
    group: "Account",
    type: values.oneOf("rest", "mqtt"),
    help: "What carries the node's calls to the backend: `rest` or `mqtt`",
    default: "rest",
    flag: { name: "control-plane", value: "NAME" },
  },
  workspaceSlug: {
    group: "Account",
    type: values.identifier,
    help: "The workspace the node belongs to",
    defaultText: "the token's own",
    yaml: [],
    credentials: "workspace_slug",
  },
  workspaceUuid: {
    group: "Account",
    type: values.identifier,
    help: "The UUID of that workspace",
    yaml: [],
    credentials: "workspace_uuid",
  },
  slug: {
    group: "Identity",
    type: values.identifier,
    help: "The slug the node would like (a hint)",
    defaultText: "the backend chooses",
    flag: { name: "slug", value: "SLUG" },
    env: ["CYBERWAVE_INSTANCE_SLUG"],
    yaml: [],
  },
  instanceUuid: {
    group: "Identity",
    type: values.identifier,
    help: "The instance to register as, given by a provisioner",
    defaultText: "the stored one, else a new one",
    env: ["CYBERWAVE_CLOUD_NODE_INSTANCE_UUID"],
    yaml: [],
  },
  profileSlug: {
    group: "Identity",
    type: values.identifier,
    help: "The hardware and capability profile",
    default: "default",
    flag: { name: "profile", value: "PROFILE" },
  },
  environmentUuid: {
    group: "Identity",
    type: values.identifier,
    help: "The environment that the node is reserved for, by its UUID",
    defaultText: "none",
    flag: { name: "environment-uuid", value: "UUID" },
    env: ["CYBERWAVE_NODE_ENVIRONMENT_UUID"],
  },
  environment: {
    group: "Identity",
    type: values.environmentName,
    help: "Put in front of every topic, unless empty or `production`",
    default: "",
    flag: { name: "environment", value: "NAME" },
  },
};
