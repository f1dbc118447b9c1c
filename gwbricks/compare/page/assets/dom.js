// Elements from plain values: text is always text, never markup.

const $ = (selector, root = document) => root.querySelector(selector);

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.setAttribute("class", value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const h = (tag, properties = {}, ...children) =>
  fill(document.createElement(tag), properties, children);

const svg = (tag, properties = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

function options(select, pairs, chosen) {
  select.replaceChildren(
    ...pairs.map(([value, text]) => {
      const option = h("option", { value }, text);
      option.selected = String(value) === String(chosen);
      return option;
    }),
  );
}

const tip = $("#tip");

function showTip(event, ...lines) {
  tip.replaceChildren(...lines.map((line, i) => h(i ? "div" : "strong", {}, line)));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const x = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  const y = Math.min(event.clientY + 14, innerHeight - height - 8);
  Object.assign(tip.style, { left: `${Math.max(4, x)}px`, top: `${y}px` });
}

const hideTip = () => { tip.hidden = true; };
