"""g3s.xlarge, which AWS retired on 2025-10-31 and moto no longer knows; it is this project's reference type."""

import copy
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES, InstanceType, InstanceTypeBackend

NAME = "g3s.xlarge"
REGIONS = ("us-east-1", "us-east-2", "us-west-2")


def install() -> None:
    if NAME in INSTANCE_TYPES:
        return
    # From g4dn.xlarge, which succeeds it in size, with the facts that differ.
    facts = copy.deepcopy(INSTANCE_TYPES["g4dn.xlarge"])
    facts["InstanceType"] = NAME
    facts["CurrentGeneration"] = False
    facts["Hypervisor"] = "xen"
    facts["MemoryInfo"] = {"SizeInMiB": 31232}
    gpu = {"Count": 1, "Manufacturer": "NVIDIA", "Name": "M60", "MemoryInfo": {"SizeInMiB": 8192}}
    facts["GpuInfo"] = {"Gpus": [gpu], "TotalGpuMemoryInMiB": 8192}
    facts["InstanceStorageSupported"] = False
    facts.pop("InstanceStorageInfo", None)
    facts["EbsInfo"]["NvmeSupport"] = "unsupported"
    facts["EbsInfo"]["EbsOptimizedInfo"] = {
        "BaselineBandwidthInMbps": 850,
        "BaselineIops": 5000,
        "BaselineThroughputInMBps": 106.25,
        "MaximumBandwidthInMbps": 850,
        "MaximumIops": 5000,
        "MaximumThroughputInMBps": 106.25,
    }
    facts["NitroEnclavesSupport"] = "unsupported"
    facts["NitroTpmSupport"] = "unsupported"
    facts.pop("NitroTpmInfo", None)
    facts["ProcessorInfo"]["SustainedClockSpeedInGhz"] = 2.7
    facts["SupportedBootModes"] = ["legacy-bios"]
    INSTANCE_TYPES[NAME] = facts
    InstanceTypeBackend.instance_types.append(InstanceType(NAME))
    for location_type, regions in INSTANCE_TYPE_OFFERINGS.items():
        for region in REGIONS:
            places = {o["Location"] for o in regions[region] if o["InstanceType"] == "g4dn.xlarge"}
            regions[region] += [
                {"InstanceType": NAME, "Location": place, "LocationType": location_type} for place in sorted(places)
            ]


def gpus_of(instance_type: str) -> list[dict[str, Any]]:
    """NVIDIA's GPUs of a type; a count of 0 where an instance has a part of one."""
    gpus = INSTANCE_TYPES.get(instance_type, {}).get("GpuInfo", {}).get("Gpus", [])
    return [
        {"name": gpu["Name"], "count": gpu["Count"], "memoryMiB": gpu["MemoryInfo"]["SizeInMiB"]}
        for gpu in gpus
        if gpu["Manufacturer"] == "NVIDIA"
    ]
