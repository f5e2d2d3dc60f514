# ruff: noqa: B018
# What an hca 7 script did with its settings; each run continues with the settings of the previous one.
import json
import sys

import hca

config = hca.get_config()
step = sys.argv[1]
results = {}
if step == "first":
    config.mine = {"list": [1, 2]}
    config.mine.deep = {"a": 1}
    config.mine.deep.b = 2
    config.DSSClient.swagger_url = "http://127.0.0.1:1/v1/swagger.json"
    config["upload"] = {"areas": {}, "current_area": None}
    config.save()
    config.late = "saved at the end"
elif step == "second":
    results["mine"] = config.mine["list"], config.mine.deep.a, config.mine.deep["b"], config.get("late")
    results["url"] = config.DSSClient.swagger_url
    results["in"] = "mine" in config, "other" in config, "a" in config.mine.deep
    del config["mine"]
    config.update({"DSSClient": {"timeout": 3}})
    results["kept"] = config.DSSClient.swagger_url, config.DSSClient.timeout
    try:
        config.other
    except AttributeError as error:
        results["attribute"] = str(error)
    try:
        config["other"]
    except KeyError as error:
        results["key"] = str(error)
else:
    results["mine"] = "mine" in config
    results["late"] = config.late
    results["kept"] = config.DSSClient.swagger_url, config.DSSClient.timeout
    unsaved = hca.HCAConfig(save_on_exit=False)
    unsaved.late = "not saved"
print(json.dumps(results, sort_keys=True))
