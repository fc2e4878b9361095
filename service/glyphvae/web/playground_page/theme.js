// Sets the chosen theme before the first paint; a classic script, because modules run after it.
try {
  const theme = localStorage.getItem("glyphvae.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is disabled, so the system's theme applies.
}
