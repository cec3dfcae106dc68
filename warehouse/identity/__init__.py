"""Who may come in: tokens, the OIDC endpoints' memory, several workspaces behind one host."""
