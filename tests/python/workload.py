"""A workload that uses the SDK: it looks itself up, publishes over MQTT, and reports its result.

Its argument is the path of its params.
"""

import json
import sys
import threading

from cyberwave import Cyberwave
from cyberwave.rest import CloudNodeWorkloadCompleteSchema, CloudNodeWorkloadsApi

with open(sys.argv[1]) as file:
    uuid = json.load(file)["workload_uuid"]
client = Cyberwave()
workloads = CloudNodeWorkloadsApi(client.api.api_client)
status = workloads.src_app_api_cloud_node_workloads_get_workload(uuid).status

client.mqtt.connect()
received = threading.Event()
topic = f"{client.config.topic_prefix}cyberwave/test/{uuid}"
client.mqtt.subscribe(topic, lambda *_: received.set())
client.mqtt.publish(topic, {"hello": "world"})
if not received.wait(20):
    sys.exit("What was published never came back")
client.mqtt.disconnect()

workloads.src_app_api_cloud_node_workloads_mark_workload_completed(
    uuid, CloudNodeWorkloadCompleteSchema(result={"was": status})
)
print(f"looked itself up: {status}")
