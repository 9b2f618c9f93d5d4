"""Logins to clusters, as `oc login` writes them."""

from __future__ import annotations

from typing import Final

CONFIG: Final = """\
apiVersion: v1
kind: Config
clusters:
- cluster:
    server: https://api.cluster.example.com:6443
  name: api-cluster
contexts:
- context:
    cluster: api-cluster
    namespace: default
    user: me/api-cluster
  name: mine
current-context: mine
preferences: {}
users:
- name: me/api-cluster
  user:
    token: sha256~secret
"""
