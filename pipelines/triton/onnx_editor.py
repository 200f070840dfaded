"""An ONNX graph to edit in place: find a node, put another one in its way, leave behind what is unused."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

__all__ = ["Constant", "Constants", "Editor", "attribute", "set_attributes"]

Constant = npt.NDArray[Any]


class Constants(Protocol):
    """Where the constants of a graph are kept while it is edited."""

    def read(self, tensor: TensorProto) -> Constant:
        """Returns the values of a constant of the graph."""

    def keep(self, value: Constant) -> Constant:
        """Returns the values of a new constant, as they are kept from now on."""

    def tensor(self, name: str, value: Constant) -> TensorProto:
        """Returns a constant as the graph states it."""


class _InMemory:
    def read(self, tensor: TensorProto) -> Constant:
        return numpy_helper.to_array(tensor)

    def keep(self, value: Constant) -> Constant:
        return value

    def tensor(self, name: str, value: Constant) -> TensorProto:
        return numpy_helper.from_array(value, name)


class Editor:
    """Nodes in any order, constants as arrays; `finish` sorts the nodes and drops those that no output needs."""

    def __init__(self, model: ModelProto, constants: Constants | None = None) -> None:
        self.model = model
        self._kept = constants or _InMemory()
        self.inputs = list(model.graph.input)
        self.constants: dict[str, Constant] = {i.name: self._kept.read(i) for i in model.graph.initializer}
        self._nodes = list(model.graph.node)
        self._maker = {output: node for node in self._nodes for output in node.output}
        self._count = 0

    def find(self, kind: str) -> list[NodeProto]:
        """Returns the nodes of one operator."""
        return [node for node in self._nodes if node.op_type == kind]

    def maker(self, value: str, *kinds: str) -> NodeProto | None:
        """Returns the node that makes a value after following first inputs upwards; each step must be one of `kinds`.

        Args:
            value: Where to start.
            kinds: Operators from `value` upwards; none takes whatever makes the value.
        """
        node = self._maker.get(value)
        for step, kind in enumerate(kinds):
            node = self._maker.get(node.input[0]) if node is not None and step else node
            if node is None or node.op_type != kind:
                return None
        return node

    def users(self, value: str, *kinds: str) -> list[NodeProto]:
        """Returns the nodes that take a value, of the given operators or of any."""
        return [node for node in self._nodes if value in node.input and (not kinds or node.op_type in kinds)]

    def constant(self, value: Any) -> str:
        """Adds a constant and returns its name."""
        name = self._name("constant")
        self.constants[name] = self._kept.keep(np.asarray(value))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output and returns that output's name."""
        output = self._name(kind)
        self.insert(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def insert(self, node: NodeProto) -> None:
        """Adds a node; its outputs must not be made by another one."""
        self._nodes.append(node)
        self._maker.update(dict.fromkeys(node.output, node))

    def prune(self) -> None:
        """Drops the nodes that no output needs."""
        self._nodes = self.sorted()
        self._maker = {output: node for node in self._nodes for output in node.output}

    def drop_input(self, name: str) -> None:
        """Removes an input of the graph that no node takes."""
        self.inputs = [entry for entry in self.inputs if entry.name != name]
        del self.model.graph.input[:]
        self.model.graph.input.extend(self.inputs)

    def rename(self, node: NodeProto, output: str) -> None:
        """Gives a node's first output another name; its users keep the old one, for another node to make."""
        del self._maker[node.output[0]]
        node.output[0] = output
        self._maker[output] = node

    def redirect(self, old: str, new: str) -> None:
        """Gives every node that takes `old` the value `new` instead."""
        for node in self.users(old):
            node.input[:] = [new if name == old else name for name in node.input]

    def sorted(self) -> list[NodeProto]:
        """Returns the nodes that the outputs need, each after those that it takes values from."""
        return list(self._ordered())

    def _ordered(self) -> Iterator[NodeProto]:
        done: set[str] = set()
        waiting = [(self._maker[output.name], False) for output in reversed(self.model.graph.output)]
        while waiting:
            node, ready = waiting.pop()
            if ready:
                yield node
            elif node.output[0] not in done:
                done.add(node.output[0])
                waiting.append((node, True))
                waiting += [(self._maker[name], False) for name in reversed(node.input) if name in self._maker]

    def finish(self) -> ModelProto:
        """Returns the edited model; the one that was handed in is changed."""
        nodes = self.sorted()
        used = {name for node in nodes for name in node.input}
        graph, opsets = self.model.graph, self.model.opset_import
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(
            self._kept.tensor(name, value) for name, value in self.constants.items() if name in used
        )
        domains = {"", *(node.domain for node in nodes)}
        kept = [opset for opset in opsets if opset.domain in domains]
        kept += [helper.make_opsetid(domain, 1) for domain in domains - {opset.domain for opset in kept}]
        del opsets[:]
        opsets.extend(kept)
        return self.model

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"engine/{kind}_{self._count}"


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """Returns the value of an attribute, or `default` where the node does not have it."""
    return next((helper.get_attribute_value(entry) for entry in node.attribute if entry.name == name), default)


def set_attributes(node: NodeProto, **values: Any) -> None:
    """Sets attributes, in place of those of the same names."""
    kept = [entry for entry in node.attribute if entry.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())
