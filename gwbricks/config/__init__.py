"""From YAML and overrides to a checked, resolved config and the objects it may name. With cli the only folder that knows DictConfig before it is resolved."""
