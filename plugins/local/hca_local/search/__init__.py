"""Searches bundles by their JSON metadata with the Elasticsearch queries of DSS users, without Elasticsearch.

``compile_query`` turns a request body into a tree of clauses; ``Query.matches`` is the reference for one document;
``SearchIndex`` finds the same documents in SQL, which tests compare with it for random queries.
"""

from hca_local.search.clauses import BadQuery
from hca_local.search.index import Hit, SearchIndex, SearchPage
from hca_local.search.query import Query, compile_query

__all__ = ["BadQuery", "Hit", "Query", "SearchIndex", "SearchPage", "compile_query"]
