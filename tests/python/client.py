"""Creates a workload with the SDK, follows it to its end, and prints what the platform knows then.

Arguments: the type of the command, its params as JSON, and a text to wait for in the log.
"""

import json
import sys
import time

from cyberwave import Cyberwave
from cyberwave.rest import CloudNodeApi, CloudNodeWorkloadCreateSchema, CloudNodeWorkloadsApi

command_type, params, text = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
api_client = Cyberwave().api.api_client
nodes, workloads = CloudNodeApi(api_client), CloudNodeWorkloadsApi(api_client)

request = CloudNodeWorkloadCreateSchema(
    profile_slug="default", command_type=command_type, command_params=params
)
workload = workloads.src_app_api_cloud_node_workloads_create_workload(request)
deadline = time.monotonic() + 120


def wait(what: str) -> None:
    if time.monotonic() > deadline:
        sys.exit(f"Waited in vain for {what}")
    time.sleep(0.1)


while workload.status not in ("completed", "failed", "cancelled"):
    wait(f"the end of a workload that is {workload.status}")
    workload = workloads.src_app_api_cloud_node_workloads_get_workload(workload.uuid)


def read_log() -> str:
    return nodes.src_app_api_cloud_nodes_get_instance_logs(
        workload.instance_uuid, log_type="stdout"
    ).content


while text not in (log := read_log()):
    wait(f"{text} in the log")

listed = workloads.src_app_api_cloud_node_workloads_list_workloads(status=workload.status)
instances = nodes.src_app_api_cloud_nodes_list_instances()
print(
    json.dumps(
        {
            "uuid": workload.uuid,
            "status": workload.status,
            "failure": workload.failure_message,
            "results": workload.results,
            "instance": workload.instance_slug,
            "listed": [each.uuid for each in listed],
            "instances": [[each.slug, each.status] for each in instances],
            "log": log,
        }
    )
)
