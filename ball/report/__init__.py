"""A case to take along: a PDF (`ball.report.pdf`), and a ZIP with the pictures as they were seen (`ball.report.archive`)."""
