// Measures the page in the frame, and leaves what it found in the title as JSON.
function luminance([r, g, b]) {
  const linear = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
function rgba(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return { colour: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
}
window.addEventListener("load", () => {
  const inside = document.querySelector("iframe").contentWindow, page = inside.document;
  const root = page.documentElement, width = root.clientWidth;
  const style = (element) => inside.getComputedStyle(element);
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && style(element).visibility === "visible";
  };
  const name = (element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`;
  const hidden = "thead, caption";
  const narrow = width <= 640;
  const text = [...page.body.querySelectorAll("*")].filter((element) =>
    shown(element) && !(narrow && element.closest(hidden)) && !element.closest("caption") &&
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const background = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const { colour, alpha } = rgba(style(up).backgroundColor);
      if (alpha === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const paint = element.closest("svg") ? style(element).fill : style(element).color;
    const [high, low] = [luminance(rgba(paint).colour), luminance(background(element))]
      .sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const size = (element) => {
    const svg = element.closest("svg");
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(style(element).fontSize) * scale;
  };
  document.title = JSON.stringify({
    width, scrollWidth: root.scrollWidth,
    background: style(page.body).backgroundColor,
    sections: [...page.querySelectorAll("section")].map((one) => [one.id, shown(one) && shown(one.querySelector("h2, h3"))]),
    charts: [...page.querySelectorAll(".chart svg")].filter((one) => one.getBoundingClientRect().height > 80).length,
    outside: [...page.body.querySelectorAll("*")].filter((element) => shown(element)
      && !element.closest(".table") && element.getBoundingClientRect().right > width + 0.5).map(name),
    wide: [...page.querySelectorAll(".table")].filter((one) => one.getBoundingClientRect().right > width + 0.5
      || (one.scrollWidth > one.clientWidth + 1 && style(one).overflowX !== "auto")).map(name),
    scrolling: [...page.querySelectorAll(".table")].filter((one) => one.scrollWidth > one.clientWidth + 1).map(name),
    faint: text.filter((element) => contrast(element) < 4.5).map((element) => `${contrast(element).toFixed(2)} ${name(element)}`),
    small: text.filter((element) => size(element) < 9.5).map((element) => `${size(element).toFixed(1)} ${name(element)}`),
    texts: text.length,
  });
});
