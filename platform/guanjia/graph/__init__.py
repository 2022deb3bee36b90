"""The GraphQL kit: who may read a field, connections, payloads, scalars and error codes."""
