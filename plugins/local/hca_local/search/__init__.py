"""Searching bundles by their JSON metadata: the Elasticsearch queries that DSS users wrote, without Elasticsearch.

``compile_query`` turns a request body into a tree of clauses; ``Query.matches`` is the truth about a document; the
``SearchIndex`` finds the same documents in SQL, which random queries are compared with.
"""

from hca_local.search.clauses import BadQuery
from hca_local.search.index import Hit, SearchIndex, SearchPage
from hca_local.search.query import Query, compile_query

__all__ = ["BadQuery", "Hit", "Query", "SearchIndex", "SearchPage", "compile_query"]
