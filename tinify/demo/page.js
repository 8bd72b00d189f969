for (const box of document.querySelectorAll(".compare")) {
  const slider = box.querySelector("input");
  slider.addEventListener("input", () => box.style.setProperty("--x", slider.value + "%"));
  const buttons = box.nextElementSibling.querySelectorAll("button");
  buttons.forEach((button) => button.addEventListener("click", () => {
    buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
    box.querySelectorAll("img.left").forEach((image) => { image.hidden = image.dataset.name !== button.dataset.name; });
    box.querySelector("[data-tag]").textContent = button.dataset.tag;
  }));
}
