//! crosswire: can one user of a web service ever receive, or act on, another user's data?
