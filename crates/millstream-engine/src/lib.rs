//! Lake tables and SQL: DataFusion and Delta behind our own types.
