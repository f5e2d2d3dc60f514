# ruff: noqa: UP032
# A script in the style of data contributors, written for hca 6 and 7.
import json
import sys
import uuid

from hca.upload import UploadArea, UploadAreaURI, UploadConfig, UploadException, UploadService
from hca.upload.lib.api_client import ApiClient, UploadApiException

results = {}
key, source = sys.argv[1:3]
service = UploadService(deployment_stage="local", api_token=key)
name = str(uuid.uuid4())
area = service.create_area(name)
results["made"] = area.uuid == name, area.deployment_stage, str(area.uri) == str(area)[len("UploadArea ") :]
results["exists"] = area.exists(), UploadArea(uri=area.uri, upload_service=service).exists()
none = service.upload_area(UploadAreaURI("s3://org-humancellatlas-upload-local/{}/".format(uuid.uuid4())))
results["none"] = none.exists(), none.uri.bucket_name

config = UploadConfig()
config.add_area(area.uri)
config.select_area(name)
results["selected"] = UploadConfig().current_area == name, name in UploadService.config().areas
results["alias"] = UploadConfig().area_uuid_from_partial_uuid(partial_uuid=name[:9]) == name
results["uri"] = str(UploadConfig().area_uri(name)) == str(area.uri)
try:
    config.area_uuid_from_partial_uuid(partial_uuid="zzz")
except UploadException as error:
    results["unknown"] = str(error)

area.upload_files([source], dcp_type="data", use_transfer_acceleration=False)
results["list"] = [each["name"] for each in area.list()]
info = area.store_file("cell.json", '{"a": 1}', "application/json; dcp-type=metadata")
results["stored"] = info["name"], info["size"], info["content_type"]
results["credentials"] = sorted(area.get_credentials())
results["statuses"] = sorted(area.checksum_statuses()), sorted(area.validation_statuses())
client = ApiClient(deployment_stage="local", authentication_token=key)
results["client"] = client.area_exists(name), sorted(client.credentials(name))
try:
    client.checksum_status(name, "no such file")
except UploadApiException as error:
    results["refused"] = isinstance(error, RuntimeError)
config.forget_area(name)
results["forgotten"] = name in UploadConfig().areas, UploadConfig().current_area
results["deleted"] = area.delete()
print(json.dumps(results, sort_keys=True))
