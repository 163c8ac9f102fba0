/**
 * The bodies of requests that are the same over REST and MQTT. Pure.
 *
 * @module
 */
import type { InstanceRequest, UploadedResults } from "./backend.ts";

/** The body of a request for a new instance. */
export function newInstanceBody(request: InstanceRequest): Record<string, unknown> {
  return {
    profile_slug: request.profileSlug,
    slug: request.slug,
    workspace_uuid: request.workspaceUuid,
    provider: "self-hosted",
    visibility: "private",
  };
}

/** The body of the report that result files are uploaded. */
export function uploadedResultsBody(results: UploadedResults): Record<string, unknown> {
  const { filenames, signedUrls, attachmentUuids } = results;
  return { filenames, signed_urls: signedUrls, attachment_uuids: attachmentUuids };
}
