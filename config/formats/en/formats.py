"""Times on a clock of 24 hours, as in the document: "a.m." would end a sentence with two stops."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "N j, Y, H:i"
SHORT_DATETIME_FORMAT = "M j, Y, H:i"
