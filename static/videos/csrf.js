/** The token that the server asks of every browser that writes. */

/**
 * The cookie may have been renewed since the page was made, so it goes before the form's field.
 * @param {ParentNode} [form]
 */
export function csrfToken(form) {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie
    ? decodeURIComponent(cookie.slice("csrftoken=".length))
    : form?.querySelector("[name=csrfmiddlewaretoken]")?.value || "";
}
