"""VisualSpreadsheet run folders, as a FlowCam writes them."""
