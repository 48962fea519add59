//! Tables, charts and the HTML page, from records.
