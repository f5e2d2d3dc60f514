"""What hca must know of the service. It is data alone: importing this module must import nothing heavy."""

from hca_base.plugins import CredentialScheme, Service

SERVICE = Service(
    name="example",
    title="Greetings",
    # The version of the plugin contract that this plugin was written for.
    plugin_api=1,
    client_section="ExampleClient",
    document_url_key="ExampleClient.url",
    # The document that ships with the plugin: help and completion work without a network.
    bundled_document=("hca_plugin_example", "document.json"),
    config_defaults={"ExampleClient.url": "https://greetings.example.org/v1/openapi.json"},
    config_schema={
        "ExampleClient": {
            "type": "object",
            "properties": {
                "url": {"type": "string", "description": "Where the OpenAPI document of example is", "x-edit": True},
                "base_url": {"type": "string", "description": "Where the service is, if not where its document says"},
                "timeout": {"type": "number", "description": "Seconds to wait for a response"},
            },
        }
    },
    credentials=CredentialScheme(),
)
