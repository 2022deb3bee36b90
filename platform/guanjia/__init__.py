"""Guanjia (管家): one GraphQL API that many Chinese districts share, each seeing only itself."""
